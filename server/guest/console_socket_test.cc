#include "server/guest/console_socket.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class ConsoleSocketTest : public testing::Test {
 protected:
  // Deeper than a socket's address can say.
  ConsoleSocketTest() : directory_(testing::TempDir() + "/" + std::string(150, 'd')) { fs::create_directories(directory_); }
  ~ConsoleSocketTest() override {
    EXPECT_TRUE(fs::is_empty(directory_));
    fs::remove_all(directory_);
  }

  absl::StatusOr<ConsoleSocket> Make() { return ConsoleSocket::Make(directory_, "exec-1.tty"); }

  // What a runtime does: sends `fd`, or none where it is -1.
  static void Send(const ConsoleSocket& socket, int fd) {
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    ASSERT_LT(socket.path().size(), sizeof(address.sun_path));
    memcpy(address.sun_path, socket.path().data(), socket.path().size());
    ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    char name[] = "/dev/pts/0";
    iovec data = {.iov_base = name, .iov_len = sizeof(name)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    ASSERT_EQ(sendmsg(client.get(), &message, 0), static_cast<ssize_t>(sizeof(name)));
  }

  const std::string directory_;
};

TEST_F(ConsoleSocketTest, ReceivesATerminal) {
  const auto socket = Make();
  ASSERT_TRUE(socket.ok()) << socket.status();
  const UniqueFd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  Send(*socket, terminal.get());
  const auto received = socket->Receive();
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(isatty(received->get()), 1);
}

TEST_F(ConsoleSocketTest, TakesNothingElse) {
  const auto socket = Make();
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_TRUE(absl::IsInternal(socket->Receive().status())) << "nobody came";
  Send(*socket, -1);
  EXPECT_TRUE(absl::IsInternal(socket->Receive().status()));
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  Send(*socket, null.get());
  EXPECT_TRUE(absl::IsInternal(socket->Receive().status()));
}

}  // namespace
}  // namespace sluice
