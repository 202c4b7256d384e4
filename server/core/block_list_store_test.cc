#include "server/core/block_list_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "netsvc/dns/sealed_set.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr auto kPatience = std::chrono::seconds(20);

class BlockListStoreTest : public testing::Test {
 protected:
  BlockListStoreTest() {
    std::string path = absl::StrCat(getenv("TEST_TMPDIR"), "/lists-XXXXXX");
    if (mkdtemp(path.data()) != nullptr) directory_ = path;
  }

  std::string Path(absl::string_view file) const { return absl::StrCat(directory_, "/", file); }
  void Write(absl::string_view file, absl::string_view text) const {
    ASSERT_TRUE(WriteFile(Path(file), text).ok());
  }
  void Replace(absl::string_view file, absl::string_view text) const {
    Write("new", text);
    ASSERT_EQ(rename(Path("new").c_str(), Path(file).c_str()), 0);
  }

  void Load(const std::vector<BlockListStore::Source>& sources) {
    auto store = BlockListStore::Load(sources);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    store_->Follow([this](const std::string&) {
      const std::lock_guard<std::mutex> lock(mutex_);
      changed_.notify_all();
    });
  }

  // Waits until the list blocks the name. A change of a file may be told of more
  // than once.
  bool ComesToBlock(const std::string& list, const std::string& name) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return Blocks(list, name); });
  }

  bool Blocks(const std::string& list, const std::string& name) const {
    const auto found = store_->Find(list);
    if (found == nullptr) return false;
    const auto set = dns::MapSealedSet(found->image);
    return set.ok() && set->Contains(DomainName::FromText(name).value());
  }

  std::string directory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Ends first: until then it tells of changes.
  std::unique_ptr<BlockListStore> store_;
};

TEST_F(BlockListStoreTest, CompilesEveryFormAndCountsTheRest) {
  Write("ads", "\xef\xbb\xbf# ads\nads.test\r\n0.0.0.0 track.test\n||wide.test^\n*.suffix.test\nads.test\n<junk>\nlast.test");
  Load({{"ads", Path("ads")}});
  for (const char* name : {"ads.test", "track.test", "sub.wide.test", "a.b.suffix.test", "last.test"}) {
    EXPECT_TRUE(Blocks("ads", name)) << name;
  }
  for (const char* name : {"sub.ads.test", "sub.track.test", "test"}) EXPECT_FALSE(Blocks("ads", name)) << name;
  EXPECT_EQ(store_->Find("ads")->names, 5u);
  EXPECT_EQ(store_->Find("ads")->skipped_lines, 1u);
  EXPECT_EQ(store_->Find("others"), nullptr);
}

TEST_F(BlockListStoreTest, ManyNamesInManyChunks) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&text, "name", i, ".zone", i % 100, ".test\n");
  text += std::string(1 << 20, 'x') + "\nafter.test\n";
  Write("long", text);
  Load({{"long", Path("long")}});
  EXPECT_EQ(store_->Find("long")->names, 100'001u);
  EXPECT_GE(store_->Find("long")->skipped_lines, 1u);
  EXPECT_TRUE(Blocks("long", "name99999.zone99.test"));
  EXPECT_TRUE(Blocks("long", "after.test"));
}

TEST_F(BlockListStoreTest, FollowsWritesRenamesAndLinks) {
  Write("ads", "one.test\n");
  Write("other", "other.test\n");
  ASSERT_EQ(symlink(Path("ads").c_str(), Path("link").c_str()), 0);
  Load({{"list", Path("link")}});
  Write("ads", "two.test\n");
  EXPECT_TRUE(ComesToBlock("list", "two.test"));
  EXPECT_FALSE(Blocks("list", "one.test"));
  Replace("ads", "three.test\n");
  EXPECT_TRUE(ComesToBlock("list", "three.test"));
  ASSERT_EQ(symlink(Path("other").c_str(), Path("link2").c_str()), 0);
  ASSERT_EQ(rename(Path("link2").c_str(), Path("link").c_str()), 0);
  EXPECT_TRUE(ComesToBlock("list", "other.test"));
}

TEST_F(BlockListStoreTest, FollowsADirectoryThatIsALink) {
  for (const char* version : {"v1", "v2"}) {
    ASSERT_EQ(mkdir(Path(version).c_str(), 0755), 0);
    Write(absl::StrCat(version, "/ads"), absl::StrCat(version, ".test\n"));
  }
  ASSERT_EQ(symlink("v1", Path("data").c_str()), 0);
  ASSERT_EQ(symlink("data/ads", Path("ads").c_str()), 0);
  Load({{"ads", Path("ads")}});
  EXPECT_TRUE(Blocks("ads", "v1.test"));
  ASSERT_EQ(symlink("v2", Path("data2").c_str()), 0);
  ASSERT_EQ(rename(Path("data2").c_str(), Path("data").c_str()), 0);
  EXPECT_TRUE(ComesToBlock("ads", "v2.test"));
}

TEST_F(BlockListStoreTest, ABrokenVersionLeavesTheOldOne) {
  Write("ads", "one.test\n");
  Write("clock", "tick.test\n");
  Load({{"ads", Path("ads")}, {"clock", Path("clock")}});
  // The other list tells that the broken version has been seen: in order.
  Replace("ads", "<html>\n404 not found\n</html>\n");
  Write("clock", "tock.test\n");
  EXPECT_TRUE(ComesToBlock("clock", "tock.test"));
  EXPECT_TRUE(Blocks("ads", "one.test"));
  ASSERT_EQ(unlink(Path("ads").c_str()), 0);
  Write("clock", "tick.test\n");
  EXPECT_TRUE(ComesToBlock("clock", "tick.test"));
  EXPECT_TRUE(Blocks("ads", "one.test"));
  Write("ads", "back.test\n");
  EXPECT_TRUE(ComesToBlock("ads", "back.test"));
  EXPECT_FALSE(Blocks("ads", "one.test"));
}

TEST_F(BlockListStoreTest, AnEmptyListIsAList) {
  Write("ads", "# nothing yet\n");
  Load({{"ads", Path("ads")}});
  EXPECT_FALSE(Blocks("ads", "one.test"));
  Write("ads", "one.test\n");
  EXPECT_TRUE(ComesToBlock("ads", "one.test"));
}

TEST_F(BlockListStoreTest, DoesNotStartWithoutItsLists) {
  EXPECT_TRUE(absl::IsNotFound(BlockListStore::Load({{"ads", Path("missing")}}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(BlockListStore::Load({{"ads", directory_}}).status()));
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(BlockListStore::Load({{"ads", Path("fifo")}}).status()));
  Write("junk", "<html>\n");
  const absl::Status junk = BlockListStore::Load({{"ads", Path("junk")}}).status();
  EXPECT_THAT(std::string(junk.message()), HasSubstr("block list ads: "));
  EXPECT_THAT(std::string(junk.message()), HasSubstr("not one of its 1 lines is a name"));
  Write("huge", "a.test\n");
  ASSERT_EQ(truncate(Path("huge").c_str(), static_cast<off_t>(kMaxBlockListFile) + 1), 0);
  EXPECT_TRUE(absl::IsOutOfRange(BlockListStore::Load({{"ads", Path("huge")}}).status()));
  Write("ads", "one.test\n");
  EXPECT_TRUE(absl::IsInvalidArgument(BlockListStore::Load({{"ads", Path("ads")}, {"ads", Path("ads")}}).status()));
}

}  // namespace
}  // namespace sluice
