#include "server/guest/datagram_peers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "netsvc/link/datagram_link.h"
#include "netsvc/link/test_peer.h"

namespace sluice {
namespace {

using link::FrameOf;
using Bytes = std::vector<uint8_t>;

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr uid_t kNobody = 65534;

class DatagramPeersTest : public testing::Test {
 protected:
  DatagramPeersTest() : io_(*IoThread::Start()) {
    peers_ = *DatagramPeers::Start(*io_, link::Bind(SOCK_DGRAM, directory_.At("vm.sock")), Note());
    link_ = NewLink();
  }

  // Where the peer's process is noted.
  std::string Note() const { return directory_.At("vmm.pid").sun_path; }
  std::unique_ptr<link::DatagramLink> NewLink() { return *link::DatagramLink::Create(*peers_->NewFeed()); }

  // As vfkit does.
  UniqueFd Connect(const std::string& name) {
    const sockaddr_un own = directory_.At(name);
    unlink(own.sun_path);
    return link::ConnectTo(SOCK_DGRAM, directory_.At("vm.sock"), &own);
  }
  // 0, or errno.
  int TryConnect() {
    const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_un to = directory_.At("vm.sock");
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ? 0 : errno;
  }

  // The next frame; none where none comes.
  Bytes Read(absl::Duration patience = kPatience) {
    const absl::Time end = absl::Now() + patience;
    while (absl::Now() < end) {
      pollfd ready = {.fd = link_->fd(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, 100) != 1) continue;
      const auto frames = link_->Read();
      if (!frames.ok()) ADD_FAILURE() << frames.status();
      if (!frames.ok()) return {};
      if (!frames->empty()) return {frames->front().bytes.begin(), frames->front().bytes.end()};
    }
    return {};
  }
  void Write(const Bytes& frame) {
    link_->Write(frame, {});
    link_->Flush();
  }

  link::TestDirectory directory_;
  const std::unique_ptr<IoThread> io_;
  std::unique_ptr<DatagramPeers> peers_;
  std::unique_ptr<link::DatagramLink> link_;
};

TEST_F(DatagramPeersTest, AnswersWhoeverSendsFirstAndKeepsOthersOut) {
  const UniqueFd peer = Connect("first");
  link::Send(peer, {'V', 'F', 'K', 'T'});
  link::Send(peer, FrameOf(20, 1));
  EXPECT_EQ(Read(), FrameOf(20, 1));
  Write(FrameOf(20, 2));
  EXPECT_EQ(link::ReadAll(peer), FrameOf(20, 2));
  EXPECT_EQ(TryConnect(), EPERM);
}

TEST_F(DatagramPeersTest, HearsTheNextWhenTheFirstRefusesAFrame) {
  std::optional<UniqueFd> first = Connect("vm");
  link::Send(*first, FrameOf(20, 1));
  EXPECT_EQ(Read(), FrameOf(20, 1));
  first.reset();
  Write(FrameOf(20, 2));
  const UniqueFd second = Connect("vm");
  link::Send(second, FrameOf(20, 3));
  EXPECT_EQ(Read(), FrameOf(20, 3));
  Write(FrameOf(20, 4));
  EXPECT_EQ(link::ReadAll(second), FrameOf(20, 4));
}

TEST_F(DatagramPeersTest, HearsTheNextWhenTheFirstsProcessEnds) {
  const pid_t child = fork();
  if (child == 0) {
    const UniqueFd peer = Connect("child");
    link::Send(peer, FrameOf(20, 1));
    pause();
  }
  EXPECT_EQ(Read(), FrameOf(20, 1));
  EXPECT_EQ(TryConnect(), EPERM);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (const absl::Time end = absl::Now() + kPatience; TryConnect() == EPERM;) ASSERT_LT(absl::Now(), end);
  const UniqueFd next = Connect("next");
  link::Send(next, FrameOf(20, 2));
  EXPECT_EQ(Read(), FrameOf(20, 2));
}

TEST_F(DatagramPeersTest, PassesThePeerOnToAnotherWorker) {
  const UniqueFd peer = Connect("vm");
  link::Send(peer, FrameOf(20, 1));
  EXPECT_EQ(Read(), FrameOf(20, 1));
  link_ = NewLink();
  link::Send(peer, FrameOf(20, 2));
  EXPECT_EQ(Read(), FrameOf(20, 2));
}

TEST_F(DatagramPeersTest, ALaterServerGoesOnWithThePeerAndTheWorker) {
  std::optional<UniqueFd> peer = Connect("vm");
  link::Send(*peer, FrameOf(20, 1));
  EXPECT_EQ(Read(), FrameOf(20, 1));
  UniqueFd socket(fcntl(link_->descriptor(), F_DUPFD_CLOEXEC, 0));
  ASSERT_TRUE(socket.valid());
  const auto noted = [&] { return access(Note().c_str(), F_OK) == 0; };
  for (const absl::Time end = absl::Now() + kPatience; !noted();) ASSERT_LT(absl::Now(), end);
  peers_->Leave();
  peers_ = nullptr;
  Write(FrameOf(20, 2));
  EXPECT_EQ(link::ReadAll(*peer), FrameOf(20, 2)) << "the two need no server";
  peers_ = *DatagramPeers::Start(*io_, std::move(socket), Note());
  link_->Renew(*peers_->NewFeed());
  Write(FrameOf(20, 3));
  EXPECT_EQ(link::ReadAll(*peer), FrameOf(20, 3)) << "without a word of the peer's";
  EXPECT_EQ(TryConnect(), EPERM) << "it is still the peer's alone";
  peer.reset();
  Write(FrameOf(20, 4));
  const UniqueFd next = Connect("next");
  link::Send(next, FrameOf(20, 5));
  EXPECT_EQ(Read(), FrameOf(20, 5)) << "the worker is fed by the later server";
}

TEST_F(DatagramPeersTest, ALaterServerHearsTheNextWhereThePeerHasEnded) {
  const pid_t child = fork();
  if (child == 0) {
    const UniqueFd peer = Connect("child");
    link::Send(peer, FrameOf(20, 1));
    pause();
  }
  EXPECT_EQ(Read(), FrameOf(20, 1));
  UniqueFd socket(fcntl(link_->descriptor(), F_DUPFD_CLOEXEC, 0));
  peers_->Leave();
  peers_ = nullptr;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(TryConnect(), EPERM) << "nobody has seen it";
  peers_ = *DatagramPeers::Start(*io_, std::move(socket), Note());
  for (const absl::Time end = absl::Now() + kPatience; TryConnect() == EPERM;) ASSERT_LT(absl::Now(), end);
  link_->Renew(*peers_->NewFeed());
  const UniqueFd next = Connect("next");
  link::Send(next, FrameOf(20, 2));
  EXPECT_EQ(Read(), FrameOf(20, 2));
}

TEST_F(DatagramPeersTest, DropsWhatHasNoAddress) {
  const UniqueFd nameless = link::ConnectTo(SOCK_DGRAM, directory_.At("vm.sock"));
  link::Send(nameless, FrameOf(20, 1));
  const UniqueFd peer = Connect("vm");
  link::Send(peer, FrameOf(20, 2));
  EXPECT_EQ(Read(), FrameOf(20, 2));
}

// A sender in another mount namespace could name a socket that is not its own.
TEST_F(DatagramPeersTest, AnswersAtNoSocketThatTheSenderMayNotWriteTo) {
  if (geteuid() != 0) GTEST_SKIP() << "it takes root to be somebody else";
  const UniqueFd socket = link::Bind(SOCK_DGRAM, directory_.At("root.sock"));
  const sockaddr_un at = directory_.At("root.sock");
  const sockaddr_un server = directory_.At("vm.sock");
  ASSERT_EQ(chmod(at.sun_path, 0600), 0);
  ASSERT_EQ(chmod(server.sun_path, 0666), 0);
  ASSERT_EQ(chmod(directory_.At("").sun_path, 0755), 0);
  const pid_t child = fork();
  if (child == 0) {
    // It has the socket from root, so its own address is root's.
    const bool sent = setgid(kNobody) == 0 && setuid(kNobody) == 0 &&
                      sendto(socket.get(), "01234567890123456789", 20, 0, reinterpret_cast<const sockaddr*>(&server),
                             sizeof(server)) == 20;
    _exit(sent ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  const UniqueFd peer = Connect("vm");
  link::Send(peer, FrameOf(20, 2));
  EXPECT_EQ(Read(), FrameOf(20, 2)) << "what root's socket sent is not heard";
}

}  // namespace
}  // namespace sluice
