#include "server/access/peer_user.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

constexpr uid_t kSomebody = 4321;

// A listener, and whoever connects to it from another process.
class PeerUserTest : public ::testing::Test {
 protected:
  void ListenTcp(const char* address) {
    const Endpoint endpoint{*IpAddress::Parse(address), 0};
    size_ = endpoint.ToSockaddr(address_);
    Listen();
  }

  void ListenUnix() {
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    // Abstract: no file, and no directory that somebody would have to enter.
    const std::string name = "sluice-peer-user-test-" + std::to_string(getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    std::memcpy(&address_, &address, sizeof(address));
    size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    Listen();
  }

  void Listen() {
    listener_ = UniqueFd(socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), size_), 0) << strerror(errno);
    ASSERT_EQ(listen(listener_.get(), 1), 0);
    size_ = sizeof(address_);
    ASSERT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size_), 0);
  }

  // What PeerUser says of a connection that a process of user `uid` makes, which
  // does `then` with its end and lives on.
  absl::StatusOr<uid_t> UserOf(uid_t uid, const std::function<void(int)>& then = [](int) {}) {
    int go[2], stay[2];
    if (pipe(go) != 0 || pipe(stay) != 0) return absl::InternalError("pipe");
    const pid_t child = fork();
    if (child == 0) {
      close(stay[1]);
      // The socket is made by the user whom it shall be of.
      const int own = setresuid(uid, uid, uid) == 0 ? socket(address_.ss_family, SOCK_STREAM, 0) : -1;
      const bool connected = connect(own, reinterpret_cast<sockaddr*>(&address_), size_) == 0;
      then(own);
      char byte = connected ? 'y' : 'n';
      if (write(go[1], &byte, 1) != 1 || read(stay[0], &byte, 1) < 0) _exit(1);
      _exit(0);
    }
    char connected = 'n';
    const bool told = read(go[0], &connected, 1) == 1 && connected == 'y';
    const UniqueFd connection(told ? accept(listener_.get(), nullptr, nullptr) : -1);
    const absl::StatusOr<uid_t> user = told ? PeerUser(connection.get()) : absl::InternalError("no connection");
    for (const int fd : {go[0], go[1], stay[0], stay[1]}) close(fd);
    waitpid(child, nullptr, 0);
    return user;
  }

  UniqueFd listener_;
  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
};

TEST_F(PeerUserTest, TellsWhoConnectedToAUnixSocket) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  ListenUnix();
  EXPECT_EQ(*UserOf(0), 0u);
  EXPECT_EQ(*UserOf(kSomebody), kSomebody);
}

TEST_F(PeerUserTest, TellsWhoConnectedOverLoopback) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  for (const char* address : {"127.0.0.1", "::1"}) {
    ListenTcp(address);
    EXPECT_EQ(*UserOf(0), 0u) << address;
    EXPECT_EQ(*UserOf(kSomebody), kSomebody) << address;
  }
}

// The kernel shows a socket that nobody holds as root's.
TEST_F(PeerUserTest, ASocketThatWasClosedIsNobodys) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  ListenTcp("127.0.0.1");
  EXPECT_TRUE(absl::IsPermissionDenied(UserOf(kSomebody, [](int fd) { close(fd); }).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(UserOf(0, [](int fd) { close(fd); }).status()));
}

TEST_F(PeerUserTest, AConnectionThatWasResetIsNobodys) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  ListenTcp("127.0.0.1");
  const auto reset = [](int fd) {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
  };
  EXPECT_FALSE(UserOf(kSomebody, reset).ok());
}

TEST_F(PeerUserTest, KnowsTheConnectionsOfThisProcess) {
  ListenTcp("127.0.0.1");
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), size_), 0);
  const UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
  EXPECT_EQ(*PeerUser(connection.get()), geteuid());
}

}  // namespace
}  // namespace sluice
