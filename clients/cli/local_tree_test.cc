#include "clients/cli/local_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "clients/cli/testing/cli_test_base.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

class LocalTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(directory_.Path("tree/sub"));
    fs::create_directories(directory_.Path("outside"));
    ASSERT_TRUE(WriteFile(directory_.Path("outside/secret"), "secret").ok());
    ASSERT_TRUE(WriteFile(directory_.Path("tree/file"), "data").ok());
    fs::create_symlink(directory_.Path("outside"), directory_.Path("tree/out"));
    fs::create_symlink("sub", directory_.Path("tree/in"));
    fs::create_symlink(directory_.Path("outside/secret"), directory_.Path("tree/link"));
    auto tree = LocalTree::Open(directory_.Path("tree"));
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_.emplace(*std::move(tree));
  }
  std::string Content(const std::string& name) { return ReadFile(directory_.Path(name), 1000).value_or("none"); }

  const TestDirectory directory_;
  std::optional<LocalTree> tree_;
};

TEST_F(LocalTreeTest, ListsWhatIsThere) {
  const auto entries = tree_->List("");
  ASSERT_TRUE(entries.ok()) << entries.status();
  std::string text;
  for (const LocalTree::Entry& entry : *entries) {
    text += entry.name + (S_ISDIR(entry.info.st_mode) ? "/ " : S_ISLNK(entry.info.st_mode) ? "@ " : " ");
  }
  EXPECT_EQ(text, "file in@ link@ out@ sub/ ");
}

TEST_F(LocalTreeTest, FollowsNoLink) {
  EXPECT_TRUE(tree_->OpenFile("file").ok());
  for (const char* path : {"link", "out/secret", "../outside/secret", "in/x"}) {
    EXPECT_FALSE(tree_->OpenFile(path).ok()) << path;
  }
  for (const char* path : {"out/secret", "../outside/secret", "in/x"}) {
    EXPECT_FALSE(tree_->CreateFile(path).ok()) << path;
  }
  EXPECT_FALSE(tree_->List("out").ok());
  EXPECT_FALSE(tree_->MakeDirectory("out").ok()) << "it is a link, not a directory";
  EXPECT_FALSE(tree_->MakeDirectory("out/new").ok());
  EXPECT_FALSE(tree_->SetMode("out", 0777).ok());
  EXPECT_FALSE(tree_->MakeLink("x", "out/new").ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_.Path("outside")), fs::directory_iterator()), 1);
}

TEST_F(LocalTreeTest, AFileAppearsWholeInPlaceOfALink) {
  auto file = tree_->CreateFile("link");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("new").ok());
  EXPECT_EQ(Content("tree/link"), "secret") << "not before it is whole";
  ASSERT_TRUE(file->Commit(0640).ok());
  EXPECT_EQ(Content("tree/link"), "new");
  EXPECT_EQ(Content("outside/secret"), "secret");
  struct stat info;
  ASSERT_EQ(stat(directory_.Path("tree/link").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(LocalTreeTest, AFileThatIsNotWholeLeavesNothing) {
  const auto before = tree_->List("");
  {
    auto file = tree_->CreateFile("half");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Write("x").ok());
  }
  EXPECT_EQ(tree_->List("")->size(), before->size());
  auto directory = tree_->CreateFile("sub");
  ASSERT_TRUE(directory.ok());
  EXPECT_FALSE(directory->Commit(0644).ok()) << "a directory is not replaced";
}

TEST_F(LocalTreeTest, MakesDirectoriesAndLinks) {
  EXPECT_TRUE(tree_->MakeDirectory("new").ok());
  EXPECT_TRUE(tree_->MakeDirectory("new").ok()) << "one that is there will do";
  EXPECT_TRUE(tree_->SetMode("new", 0750).ok());
  EXPECT_TRUE(tree_->MakeLink("/etc/passwd", "new/link").ok());
  EXPECT_TRUE(tree_->MakeLink("other", "new/link").ok());
  EXPECT_EQ(fs::read_symlink(directory_.Path("tree/new/link")), "other");
  EXPECT_FALSE(tree_->MakeDirectory("file").ok());
}

}  // namespace
}  // namespace sluice::cli
