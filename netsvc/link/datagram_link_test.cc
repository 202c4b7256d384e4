#include "netsvc/link/datagram_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "gtest/gtest.h"
#include "netsvc/link/test_peer.h"

namespace sluice::link {
namespace {

using Bytes = std::vector<uint8_t>;

class DatagramLinkTest : public testing::Test {
 protected:
  DatagramLinkTest() : link_(*DatagramLink::Create(Bind(SOCK_DGRAM, directory_.At("link")))) {}

  // A VMM that hears the link alone, as vfkit does; the socket's name stays behind.
  UniqueFd Connect(const std::string& name) {
    const sockaddr_un own = directory_.At(name);
    unlink(own.sun_path);
    return ConnectTo(SOCK_DGRAM, directory_.At("link"), &own);
  }
  // One that hears everybody, as QEMU does.
  UniqueFd Open(const std::string& name) { return Bind(SOCK_DGRAM, directory_.At(name)); }
  void SendTo(const UniqueFd& from, const Bytes& frame) {
    const sockaddr_un to = directory_.At("link");
    ASSERT_EQ(sendto(from.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
              static_cast<ssize_t>(frame.size()));
  }

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
  const std::unique_ptr<DatagramLink> link_;
};

TEST_F(DatagramLinkTest, CarriesFramesBothWays) {
  const UniqueFd peer = Connect("vm");
  Send(peer, {'V', 'F', 'K', 'T'});
  Send(peer, FrameOf(42, 1));
  Send(peer, FrameOf(packet::kMaxFrameSize, 2));
  EXPECT_TRUE(readable());
  EXPECT_EQ(Read(), (std::vector<Bytes>{FrameOf(42, 1), FrameOf(packet::kMaxFrameSize, 2)}));
  link_->Write(FrameOf(60, 3), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(peer), FrameOf(60, 3));
}

TEST_F(DatagramLinkTest, PassesNothingOnThatIsNoFrame) {
  const UniqueFd peer = Connect("vm");
  Send(peer, FrameOf(13, 1));
  Send(peer, FrameOf(packet::kMaxFrameSize + 1, 1));
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(link_->counters().bad_lengths, 2u);
}

TEST_F(DatagramLinkTest, HearsNobodyElseUntilThePeerHasGone) {
  std::optional<UniqueFd> first = Connect("first");
  Send(*first, FrameOf(20, 1));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 1)});
  const UniqueFd second = Connect("second");
  Send(second, FrameOf(20, 2));
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(link_->counters().strangers, 1u);
  first.reset();
  Send(second, FrameOf(20, 3));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 3)});
  link_->Write(FrameOf(20, 4), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(second), FrameOf(20, 4));
}

TEST_F(DatagramLinkTest, HearsNobodyWithoutAnAddress) {
  const UniqueFd nameless = ConnectTo(SOCK_DGRAM, directory_.At("link"));
  Send(nameless, FrameOf(20, 1));
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(link_->counters().strangers, 1u);
}

TEST_F(DatagramLinkTest, WaitsForAPeerThatComesAgain) {
  std::optional<UniqueFd> peer = Connect("vm");
  Send(*peer, FrameOf(20, 1));
  Read();
  peer.reset();
  link_->Write(FrameOf(20, 2), {});
  link_->Flush();
  peer = Connect("vm");
  Send(*peer, FrameOf(20, 3));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 3)});
  link_->Write(FrameOf(20, 4), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(*peer), FrameOf(20, 4));
}

TEST_F(DatagramLinkTest, QueuesWithinItsBoundForAConnectedPeerThatDoesNotRead) {
  const UniqueFd peer = Connect("vm");
  Send(peer, FrameOf(20, 1));
  Read();
  FillAndDrain(peer);
}

TEST_F(DatagramLinkTest, QueuesWithinItsBoundForAnOpenPeerThatDoesNotRead) {
  const UniqueFd peer = Open("vm");
  SendTo(peer, FrameOf(20, 1));
  Read();
  FillAndDrain(peer);
}

}  // namespace
}  // namespace sluice::link
