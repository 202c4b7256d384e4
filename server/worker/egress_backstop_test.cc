// With the kernel itself: needs root, cgroup version 2 and BPF.

#include "server/worker/egress_backstop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"
#include "server/base/cgroup.h"

namespace sluice {
namespace {

using policy::PrefixFate;

PrefixFate Never(const char* prefix) { return {IpPrefix::Parse(prefix).value(), true}; }
PrefixFate Maybe(const char* prefix) { return {IpPrefix::Parse(prefix).value(), false}; }

// 0, or errno. Neither sends anything: a connected datagram socket has only an
// address, and nobody listens on the discard port.
int Connect(const Endpoint& to) {
  const UniqueFd socket(::socket(to.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = to.ToSockaddr(address);
  return connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 ? 0 : errno;
}

int SendTo(const Endpoint& to) {
  const UniqueFd socket(::socket(to.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const socklen_t size = to.ToSockaddr(address);
  return sendto(socket.get(), "", 0, 0, reinterpret_cast<sockaddr*>(&address), size) == 0 ? 0 : errno;
}

class EgressBackstopTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> home = EgressBackstop::FindHome();
    if (!home.ok()) GTEST_SKIP() << home.status();
    home_ = *home;
    auto made = EgressBackstop::Create(home_, name_);
    ASSERT_TRUE(made.ok()) << made.status();
    backstop_ = *std::move(made);
  }

  // What `attempt` answers in a process behind the wall.
  int Behind(const std::function<int()>& attempt) {
    int go[2];
    EXPECT_EQ(pipe(go), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      char byte;
      (void)!read(go[0], &byte, 1);
      _exit(attempt());
    }
    EXPECT_TRUE(backstop_->Add(pid).ok());
    EXPECT_EQ(write(go[1], "x", 1), 1);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    close(go[0]);
    close(go[1]);
    return WEXITSTATUS(status);
  }
  int BehindTo(const char* text) {
    const Endpoint to = *Endpoint::Parse(text);
    const int connected = Behind([&] { return Connect(to); });
    EXPECT_EQ(Behind([&] { return SendTo(to); }), connected) << text;
    return connected;
  }

  const std::string name_ = WorkerCgroup(absl::StrCat("test-", getpid()));
  std::string home_;
  std::unique_ptr<EgressBackstop> backstop_;
};

TEST_F(EgressBackstopTest, RefusesWhatIsNeverAllowedAndThatAlone) {
  EXPECT_EQ(BehindTo("127.0.0.1:9"), 0);
  ASSERT_TRUE(backstop_->Set({Never("127.0.0.0/8"), Maybe("127.0.0.8/29")}, {}).ok());
  EXPECT_EQ(BehindTo("127.0.0.1:9"), EPERM);
  EXPECT_EQ(BehindTo("127.0.0.9:9"), 0);
  EXPECT_EQ(BehindTo("[::1]:9"), 0);
  // Nobody else stands behind it.
  EXPECT_EQ(Connect(*Endpoint::Parse("127.0.0.1:9")), 0);
}

TEST_F(EgressBackstopTest, Ipv6AndTheFormsThatCarryIpv4) {
  EXPECT_EQ(BehindTo("[::ffff:127.0.0.1]:9"), 0);
  // The kernel takes a mapped address for what it is in sendmsg, not in connect.
  ASSERT_TRUE(backstop_->Set({Never("::1/128"), Never("127.0.0.0/8"), Never("::ffff:127.0.0.0/104")}, {}).ok());
  EXPECT_EQ(BehindTo("[::1]:9"), EPERM);
  EXPECT_EQ(BehindTo("[::ffff:127.0.0.1]:9"), EPERM);
}

TEST_F(EgressBackstopTest, ExceptionsAreOneAddressAndPort) {
  ASSERT_TRUE(backstop_->Set({Never("127.0.0.0/8"), Never("::1/128")},
                             {*Endpoint::Parse("127.0.0.1:53"), *Endpoint::Parse("[::1]:53")})
                  .ok());
  EXPECT_EQ(BehindTo("127.0.0.1:53"), 0);
  EXPECT_EQ(BehindTo("127.0.0.1:54"), EPERM);
  EXPECT_EQ(BehindTo("127.0.0.2:53"), EPERM);
  EXPECT_EQ(BehindTo("[::1]:53"), 0);
  EXPECT_EQ(BehindTo("[::1]:54"), EPERM);
}

TEST_F(EgressBackstopTest, SetReplaces) {
  ASSERT_TRUE(backstop_->Set({Never("127.0.0.0/8")}, {}).ok());
  EXPECT_EQ(BehindTo("127.0.0.1:9"), EPERM);
  ASSERT_TRUE(backstop_->Set({Never("::1/128")}, {}).ok());
  EXPECT_EQ(BehindTo("127.0.0.1:9"), 0);
  EXPECT_EQ(BehindTo("[::1]:9"), EPERM);
}

TEST_F(EgressBackstopTest, SocketsMadeOutsideAreLeftAlone) {
  ASSERT_TRUE(backstop_->Set({Never("127.0.0.0/8")}, {}).ok());
  const UniqueFd published(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int result = Behind([&] {
    sockaddr_storage address;
    const socklen_t size = Endpoint::Parse("127.0.0.1:9")->ToSockaddr(address);
    return sendto(published.get(), "", 0, 0, reinterpret_cast<sockaddr*>(&address), size) == 0 ? 0 : errno;
  });
  EXPECT_EQ(result, 0);
}

TEST_F(EgressBackstopTest, LeavesNothing) {
  const std::string path = absl::StrCat(home_, "/", name_);
  EXPECT_TRUE(std::filesystem::exists(path));
  backstop_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

// A server may be killed while it tries what the kernel can do.
TEST_F(EgressBackstopTest, LeavesNoTrialOfOneThatWasKilled) {
  const std::string start = absl::StrCat(home_, "/sluice-worker-trial-test-", getpid());
  const std::string old = start + "-old", young = start + "-young";
  for (const std::string& path : {old, young}) ASSERT_TRUE(std::filesystem::create_directory(path));
  std::filesystem::last_write_time(old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_TRUE(EgressBackstop::FindHome().ok());
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::remove(young)) << "perhaps of one that is at it";
}

}  // namespace
}  // namespace sluice
