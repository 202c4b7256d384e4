#include "server/access/memory_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr size_t kLimit = 100;

UniqueFd Prepared(absl::string_view bytes) {
  absl::StatusOr<UniqueFd> prepared = MemoryFile::Prepare(bytes);
  EXPECT_TRUE(prepared.ok()) << prepared.status();
  return prepared.ok() ? *std::move(prepared) : UniqueFd();
}

TEST(MemoryFileTest, APathLeadsToTheNewestBytes) {
  MemoryFile file;
  ASSERT_TRUE(file.Replace(Prepared("longer than what follows")).ok());
  const std::string path = file.path();
  EXPECT_EQ(*ReadFile(path, kLimit), "longer than what follows");
  EXPECT_EQ(*ReadFile(path, kLimit), "longer than what follows") << "from its beginning";
  ASSERT_TRUE(file.Replace(Prepared("short")).ok());
  EXPECT_EQ(file.path(), path);
  EXPECT_EQ(*ReadFile(path, kLimit), "short");
}

TEST(MemoryFileTest, WhoHasItOpenGoesOnWithTheOldBytes) {
  MemoryFile file;
  ASSERT_TRUE(file.Replace(Prepared("old")).ok());
  const UniqueFd open_before(open(file.path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(open_before.valid());
  ASSERT_TRUE(file.Replace(Prepared("new")).ok());
  char bytes[4] = {};
  EXPECT_EQ(read(open_before.get(), bytes, sizeof(bytes)), 3);
  EXPECT_STREQ(bytes, "old");
}

// A reader of two names for it sees by them that both were one version.
TEST(MemoryFileTest, EachVersionHasATimeOfItsOwn) {
  MemoryFile file;
  std::set<time_t> times;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(file.Replace(Prepared("same")).ok());
    struct stat info;
    ASSERT_EQ(stat(file.path().c_str(), &info), 0);
    EXPECT_NE(info.st_mtim.tv_sec, 0) << "which gRPC takes for an error";
    times.insert(info.st_mtim.tv_sec);
  }
  EXPECT_EQ(times.size(), 3u);
}

TEST(MemoryFileTest, ProgramsThatThisProcessStartsDoNotGetIt) {
  MemoryFile file;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(file.Replace(Prepared("secret")).ok());
    const int fd = std::stoi(file.path().substr(sizeof("/proc/self/fd/") - 1));
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC) << i;
  }
}

}  // namespace
}  // namespace sluice
