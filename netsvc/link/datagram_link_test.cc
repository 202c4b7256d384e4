#include "netsvc/link/datagram_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "gtest/gtest.h"
#include "netsvc/base/pass_descriptor.h"
#include "netsvc/link/test_peer.h"

namespace sluice::link {
namespace {

using Bytes = std::vector<uint8_t>;

class DatagramLinkTest : public testing::Test {
 protected:
  DatagramLinkTest() : socket_(Bind(SOCK_DGRAM, directory_.At("link"))) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    feed_ = UniqueFd(ends[0]);
    link_ = *DatagramLink::Create(UniqueFd(ends[1]));
  }

  // What the server does when a peer has come.
  void PassOn(const std::string& name) {
    const sockaddr_un peer = directory_.At(name);
    ASSERT_EQ(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)), 0);
    ASSERT_TRUE(PassDescriptor(feed_, socket_).ok());
  }

  // A VMM that hears the link alone, as vfkit does; the socket's name stays behind.
  UniqueFd Connect(const std::string& name) {
    const sockaddr_un own = directory_.At(name);
    unlink(own.sun_path);
    return ConnectTo(SOCK_DGRAM, directory_.At("link"), &own);
  }
  // One that hears everybody, as QEMU does.
  UniqueFd Open(const std::string& name) { return Bind(SOCK_DGRAM, directory_.At(name)); }
  std::vector<Bytes> Read() {
    std::vector<Bytes> frames;
    const auto batch = link_->Read();
    if (!batch.ok()) ADD_FAILURE() << batch.status();
    for (const packet::Frame& frame : *batch) frames.emplace_back(frame.bytes.begin(), frame.bytes.end());
    return frames;
  }
  bool readable() const { return IsReady(link_->fd(), POLLIN); }

  // Writes until the link drops, and reads it all at the peer's end.
  void FillAndDrain(const UniqueFd& peer) {
    const Bytes frame = FrameOf(1514, 1);
    while (link_->counters().frames_dropped == 0) {
      link_->Write(frame, {});
      link_->Flush();
    }
    const uint64_t taken = link_->counters().frames_written;
    EXPECT_LT(taken * frame.size(), FrameQueue::kMaxBytes + (1u << 20));
    EXPECT_FALSE(readable());  // no busy loop
    uint64_t bytes = 0;
    for (Bytes some = ReadAll(peer); !some.empty(); some = ReadAll(peer)) {
      bytes += some.size();
    if (readable()) {
      EXPECT_TRUE(Read().empty());
    }
    }
    EXPECT_EQ(bytes, taken * frame.size());
  }

  TestDirectory directory_;
  const UniqueFd socket_;  // the server's, where VMMs send to
  UniqueFd feed_;
  std::unique_ptr<DatagramLink> link_;
};

TEST_F(DatagramLinkTest, CarriesFramesBothWays) {
  const UniqueFd peer = Connect("vm");
  Send(peer, {'V', 'F', 'K', 'T'});
  Send(peer, FrameOf(42, 1));
  Send(peer, FrameOf(packet::kMaxFrameSize, 2));
  EXPECT_FALSE(readable());
  PassOn("vm");
  EXPECT_TRUE(readable());
  EXPECT_EQ(Read(), (std::vector<Bytes>{FrameOf(42, 1), FrameOf(packet::kMaxFrameSize, 2)}));
  EXPECT_FALSE(readable());
  link_->Write(FrameOf(60, 3), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(peer), FrameOf(60, 3));
}

TEST_F(DatagramLinkTest, PassesNothingOnThatIsNoFrame) {
  const UniqueFd peer = Connect("vm");
  Send(peer, FrameOf(13, 1));
  Send(peer, FrameOf(packet::kMaxFrameSize + 1, 1));
  PassOn("vm");
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(link_->counters().bad_lengths, 2u);
}

TEST_F(DatagramLinkTest, PassesNothingOnThatAnotherSentBefore) {
  const UniqueFd peer = Connect("vm");
  const UniqueFd other = Connect("other");
  Send(peer, FrameOf(20, 1));
  Send(other, FrameOf(20, 2));
  PassOn("vm");
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 1)});
  EXPECT_EQ(link_->counters().strangers, 1u);
}

TEST_F(DatagramLinkTest, TakesTheNextOnceTheFirstRefusesAFrame) {
  std::optional<UniqueFd> first = Connect("vm");
  PassOn("vm");
  EXPECT_TRUE(Read().empty());
  first.reset();
  link_->Write(FrameOf(20, 1), {});
  link_->Flush();
  EXPECT_FALSE(readable());
  const UniqueFd second = Connect("vm");
  Send(second, FrameOf(20, 2));
  EXPECT_FALSE(readable()) << "it is the server's turn";
  PassOn("vm");
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 2)});
  link_->Write(FrameOf(20, 3), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(second), FrameOf(20, 3));
}

TEST_F(DatagramLinkTest, LeavesToTheServerWhatComesOnceItHasDisconnectedThePeer) {
  const UniqueFd first = Connect("first");
  PassOn("first");
  EXPECT_TRUE(Read().empty());
  const sockaddr nobody = {.sa_family = AF_UNSPEC, .sa_data = {}};
  ASSERT_EQ(connect(socket_.get(), &nobody, sizeof(nobody)), 0);
  const UniqueFd second = Connect("second");
  Send(second, FrameOf(20, 1));
  EXPECT_TRUE(Read().empty());
  PassOn("second");
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 1)});
}

TEST_F(DatagramLinkTest, IsGoneWithItsServerOnceItHasNoPeer) {
  std::optional<UniqueFd> peer = Connect("vm");
  PassOn("vm");
  EXPECT_TRUE(Read().empty());
  feed_.reset();
  Send(*peer, FrameOf(20, 1));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 1)});
  peer.reset();
  link_->Write(FrameOf(20, 2), {});
  link_->Flush();
  EXPECT_TRUE(readable());
  EXPECT_FALSE(link_->Read().ok());
}

TEST_F(DatagramLinkTest, QueuesWithinItsBoundForAConnectedPeerThatDoesNotRead) {
  const UniqueFd peer = Connect("vm");
  PassOn("vm");
  Read();
  FillAndDrain(peer);
}

TEST_F(DatagramLinkTest, QueuesWithinItsBoundForAnOpenPeerThatDoesNotRead) {
  const UniqueFd peer = Open("vm");
  PassOn("vm");
  Read();
  FillAndDrain(peer);
}

}  // namespace
}  // namespace sluice::link
