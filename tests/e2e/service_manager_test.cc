// What sluiced and a service manager say to one another: sd_notify(3), and sockets
// that were there before it.

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "tests/e2e/sandbox_client.h"
#include "tests/e2e/server_process.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = "/tmp/sluice-sd-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
    notify_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    std::strcpy(address.sun_path, Path("notify").c_str());
    ASSERT_EQ(bind(notify_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval timeout = {.tv_sec = 30, .tv_usec = 0};
    ASSERT_EQ(setsockopt(notify_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
  }
  void TearDown() override {
    server_ = nullptr;
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string Path(const std::string& name) const { return absl::StrCat(directory_, "/", name); }

  // `prefix` is a command that runs it.
  void Start(std::vector<std::string> prefix, const std::vector<std::string>& flags) {
    std::vector<std::string> argv = {"env", absl::StrCat("NOTIFY_SOCKET=", Path("notify"))};
    argv.insert(argv.end(), prefix.begin(), prefix.end());
    for (const std::string& arg : {Runfile("server/sluiced"), absl::StrCat("--state_dir=", Path("state")),
                                   absl::StrCat("--netsvc=", Runfile("netsvc/worker/sluice-netsvc"))}) {
      argv.push_back(arg);
    }
    argv.insert(argv.end(), flags.begin(), flags.end());
    auto server = lab::Process::Spawn(argv, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // One of loopback TCP that was free just now.
  static std::string FreePort() {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return absl::StrCat(ntohs(address.sin_port));
  }

  // The next that the service manager is told.
  std::string Told() const {
    char text[4096];
    const ssize_t size = recv(notify_.get(), text, sizeof(text), 0);
    return size < 0 ? absl::StrCat("(", strerror(errno), ")") : std::string(text, static_cast<size_t>(size));
  }

  void Stop() {
    ASSERT_TRUE(server_->Signal(SIGTERM).ok());
    EXPECT_EQ(Told(), "STOPPING=1");
    EXPECT_EQ(*server_->Wait(absl::Seconds(30)), 0);
  }

  std::string directory_;
  UniqueFd notify_;
  std::unique_ptr<lab::Process> server_;
};

TEST_F(ServiceManagerTest, IsToldWhenTheServerIsReadyReloadsAndStops) {
  Start({}, {absl::StrCat("--listen=unix:", Path("api"))});
  EXPECT_EQ(Told(), absl::StrCat("READY=1\nSTATUS=serving on unix:", Path("api")));
  EXPECT_TRUE(SandboxClient(absl::StrCat("unix:", Path("api"))).List({}).ok());
  ASSERT_TRUE(server_->Signal(SIGHUP).ok());
  EXPECT_THAT(Told(), AllOf(HasSubstr("RELOADING=1"), HasSubstr("MONOTONIC_USEC=")));
  EXPECT_THAT(Told(), HasSubstr("READY=1"));
  Stop();
}

TEST_F(ServiceManagerTest, ServesOnTheSocketThatItIsPassed) {
  Start({"systemd-socket-activate", absl::StrCat("--listen=", Path("api")), "-E", "NOTIFY_SOCKET"}, {});
  // The socket stands before the server does: this call is what starts it.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!std::filesystem::exists(Path("api")) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_TRUE(SandboxClient(absl::StrCat("unix:", Path("api"))).List({}).ok());
  EXPECT_EQ(Told(), absl::StrCat("READY=1\nSTATUS=serving on unix:", Path("api")));
  Stop();
  EXPECT_TRUE(std::filesystem::exists(Path("api"))) << "the socket is the manager's";
}

// In clear, and not what --allow_plaintext_tcp speaks of.
TEST_F(ServiceManagerTest, TakesNoTcpSocketThatNoFlagAllows) {
  const std::string port = FreePort();
  // Whether a server that is started by whoever connects serves.
  const auto serves = [&](const std::vector<std::string>& flags) {
    Start({"systemd-socket-activate", absl::StrCat("--listen=127.0.0.1:", port), "-E", "NOTIFY_SOCKET"}, flags);
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    absl::StatusOr<int> ended = absl::DeadlineExceededError("");
    while (!ended.ok() && absl::Now() < deadline) {
      if (SandboxClient(absl::StrCat("127.0.0.1:", port)).List({}).ok()) return true;
      ended = server_->Wait(absl::Milliseconds(50));
    }
    EXPECT_TRUE(ended.ok()) << "it neither serves nor ends";
    EXPECT_EQ(ended.value_or(0), 1);
    return false;
  };
  EXPECT_FALSE(serves({}));
  ASSERT_TRUE(serves({"--allow_plaintext_tcp"}));
  EXPECT_THAT(Told(), HasSubstr("READY=1"));
  Stop();
}

}  // namespace
}  // namespace sluice::e2e
