#include "netsvc/link/stream_link.h"

#include <poll.h>
#include <sys/socket.h>

#include <optional>

#include "gtest/gtest.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/link/test_peer.h"

namespace sluice::link {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Framed(const Bytes& frame) {
  Bytes bytes(4);
  Store32(bytes.data(), static_cast<uint32_t>(frame.size()));
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class StreamLinkTest : public testing::Test {
 protected:
  StreamLinkTest() : link_(*StreamLink::Create(Bind(SOCK_STREAM, directory_.At("link")))) {}

  UniqueFd Connect() { return ConnectTo(SOCK_STREAM, directory_.At("link")); }

  // The frames of one read.
  std::vector<Bytes> Read() {
    std::vector<Bytes> frames;
    const auto batch = link_->Read();
    if (!batch.ok()) ADD_FAILURE() << batch.status();
    for (const packet::Frame& frame : *batch) frames.emplace_back(frame.bytes.begin(), frame.bytes.end());
    return frames;
  }
  bool readable() const { return IsReady(link_->fd(), POLLIN); }

  TestDirectory directory_;
  const std::unique_ptr<StreamLink> link_;
};

TEST_F(StreamLinkTest, CarriesFramesBothWays) {
  const UniqueFd peer = Connect();
  Send(peer, Framed(FrameOf(42, 1)) + Framed(FrameOf(1514, 2)));
  EXPECT_TRUE(readable());
  EXPECT_EQ(Read(), (std::vector<Bytes>{FrameOf(42, 1), FrameOf(1514, 2)}));
  EXPECT_FALSE(readable());
  link_->Write(FrameOf(60, 3), {});
  link_->Write(FrameOf(70, 4), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(peer), Framed(FrameOf(60, 3)) + Framed(FrameOf(70, 4)));
}

TEST_F(StreamLinkTest, PutsAFrameTogetherFromSingleBytes) {
  const UniqueFd peer = Connect();
  for (const uint8_t byte : Framed(FrameOf(20, 5))) {
    EXPECT_TRUE(Read().empty());
    Send(peer, {byte});
  }
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 5)});
}

TEST_F(StreamLinkTest, HandsOverMoreThanABatchInSeveralReads) {
  const UniqueFd peer = Connect();
  Bytes all;
  for (size_t i = 0; i < 2 * kMaxBatch + 1; ++i) all = std::move(all) + Framed(FrameOf(14, static_cast<uint8_t>(i)));
  Send(peer, all);
  EXPECT_EQ(Read().size(), kMaxBatch);
  EXPECT_EQ(Read().size(), kMaxBatch);
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(14, 2 * kMaxBatch)});
}

TEST_F(StreamLinkTest, TakesTheLargestFrameAndDisconnectsAfterALargerOne) {
  UniqueFd peer = Connect();
  Send(peer, Framed(FrameOf(packet::kMaxFrameSize, 6)));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(packet::kMaxFrameSize, 6)});
  Bytes length(4);
  Store32(length.data(), packet::kMaxFrameSize + 1);
  Send(peer, Framed(FrameOf(30, 7)) + length + FrameOf(30, 8));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(30, 7)});
  EXPECT_EQ(link_->counters().bad_lengths, 1u);
  EXPECT_TRUE(Read().empty());
  char byte;
  EXPECT_EQ(recv(peer.get(), &byte, 1, 0), 0);  // its end
}

TEST_F(StreamLinkTest, ServesOnePeerAfterAnother) {
  std::optional<UniqueFd> first = Connect();
  const UniqueFd second = Connect();
  Send(*first, Framed(FrameOf(20, 1)));
  Send(second, Framed(FrameOf(20, 2)));
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 1)});
  EXPECT_FALSE(readable());  // the second waits
  // What the first left unfinished is not the second's.
  Send(*first, {0, 0, 0, 40, 9});
  first.reset();
  EXPECT_TRUE(readable());
  EXPECT_TRUE(Read().empty());
  EXPECT_TRUE(Read().empty());  // its end
  EXPECT_EQ(Read(), std::vector<Bytes>{FrameOf(20, 2)});
  link_->Write(FrameOf(20, 3), {});
  link_->Flush();
  EXPECT_EQ(ReadAll(second), Framed(FrameOf(20, 3)));
}

TEST_F(StreamLinkTest, QueuesWithinItsBoundForAPeerThatDoesNotRead) {
  const UniqueFd peer = Connect();
  Read();
  const Bytes frame = FrameOf(16'000, 1);
  while (link_->counters().frames_dropped == 0) {
    link_->Write(frame, {});
    link_->Flush();
  }
  const uint64_t taken = link_->counters().frames_written;
  EXPECT_LT(taken * frame.size(), FrameQueue::kMaxBytes + (1u << 20));
  EXPECT_FALSE(readable());  // no busy loop
  // All that was taken comes, whole and in order, as the peer reads.
  Bytes got;
  for (Bytes some = ReadAll(peer); !some.empty(); some = ReadAll(peer)) {
    got = std::move(got) + some;
    if (readable()) {
      EXPECT_TRUE(Read().empty());
    }
  }
  Bytes expected;
  for (uint64_t i = 0; i < taken; ++i) expected = std::move(expected) + Framed(frame);
  EXPECT_EQ(got, expected);
}

TEST_F(StreamLinkTest, DropsFramesWithoutAPeer) {
  link_->Write(FrameOf(20, 1), {});
  link_->Flush();
  EXPECT_EQ(link_->counters().frames_dropped, 1u);
  const UniqueFd peer = Connect();
  Read();
  EXPECT_TRUE(ReadAll(peer).empty());
}

}  // namespace
}  // namespace sluice::link
