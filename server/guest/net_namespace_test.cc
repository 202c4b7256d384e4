#include "server/guest/net_namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

ino_t InodeOf(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

// Of the calling thread.
bool LoopbackIsUp() {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  return ioctl(fd.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

TEST(NetNamespaceTest, MakesOneOfItsOwnWithLoopbackUp) {
  const absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  ASSERT_TRUE(netns.ok()) << netns.status();
  const ino_t own = InodeOf("/proc/self/ns/net");
  EXPECT_NE(InodeOf(netns->path()), own);
  ino_t inside = 0;
  bool up = false;
  ASSERT_TRUE(netns->Run([&] {
    inside = InodeOf("/proc/thread-self/ns/net");
    up = LoopbackIsUp();
    return absl::OkStatus();
  }).ok());
  EXPECT_EQ(inside, InodeOf(netns->path()));
  EXPECT_TRUE(up);
  EXPECT_EQ(InodeOf("/proc/thread-self/ns/net"), own);
}

TEST(NetNamespaceTest, LetsEveryGroupPing) {
  const absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  ASSERT_TRUE(netns.ok()) << netns.status();
  std::string range;
  ASSERT_TRUE(netns->Run([&] {
    absl::StatusOr<std::string> text = ReadFile("/proc/sys/net/ipv4/ping_group_range", 100);
    if (text.ok()) range = *text;
    return text.status();
  }).ok());
  EXPECT_EQ(range, "0\t2147483647\n");
}

TEST(NetNamespaceTest, ReturnsWhatTheWorkReturned) {
  const absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  ASSERT_TRUE(netns.ok()) << netns.status();
  const absl::Status status = netns->Run([] { return absl::DataLossError("lost"); });
  EXPECT_EQ(status, absl::DataLossError("lost"));
}

TEST(NetNamespaceTest, OpensOneByPath) {
  const absl::StatusOr<NetNamespace> netns = NetNamespace::Create();
  ASSERT_TRUE(netns.ok()) << netns.status();
  const absl::StatusOr<NetNamespace> same = NetNamespace::OpenPath(netns->path());
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(InodeOf(same->path()), InodeOf(netns->path()));
}

TEST(NetNamespaceTest, OpensTheOneOfAProcess) {
  int started[2];
  int end[2];
  ASSERT_EQ(pipe2(started, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(end, O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    char byte = static_cast<char>(unshare(CLONE_NEWNET));
    if (write(started[1], &byte, 1) != 1) _exit(1);
    close(end[1]);
    _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
  }
  char byte = 1;
  ASSERT_EQ(read(started[0], &byte, 1), 1);
  ASSERT_EQ(byte, 0);
  const absl::StatusOr<NetNamespace> netns = NetNamespace::OfPid(pid);
  ASSERT_TRUE(netns.ok()) << netns.status();
  EXPECT_EQ(InodeOf(netns->path()), InodeOf(absl::StrCat("/proc/", pid, "/ns/net")));
  close(end[1]);
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
  EXPECT_THAT(NetNamespace::OfPid(pid).status(), absl::InvalidArgumentError(absl::StrCat("there is no process ", pid)));
}

TEST(NetNamespaceTest, RefusesWhatIsNotANetworkNamespace) {
  for (const char* path : {"/nowhere", "/dev/null", "/etc", "/proc/self/ns/uts", "/proc/self/ns/net"}) {
    EXPECT_EQ(NetNamespace::OpenPath(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(NetNamespaceTest, RefusesTheServersOwn) {
  EXPECT_THAT(NetNamespace::OfPid(getpid()).status().message(), testing::HasSubstr("the server's own"));
}

}  // namespace
}  // namespace sluice
