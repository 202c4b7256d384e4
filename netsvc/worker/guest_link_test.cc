#include "netsvc/worker/guest_link.h"

#include <sys/eventfd.h>

#include "gtest/gtest.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/fake_loop.h"
#include "netsvc/packet/test_frames.h"

namespace sluice {
namespace {

using packet::Bytes;

constexpr uint16_t kMtu = 1500;
constexpr absl::Duration kTenSeconds = absl::Seconds(10);

// A guest that has always a batch to send, or nothing, and counts what it gets.
class GreedyLink : public link::Link {
 public:
  struct Taken {
    size_t packets = 0;
    size_t bytes = 0;
    size_t largest = 0;
  };

  GreedyLink(bool offloads, bool greedy, Taken& taken)
      : offloads_(offloads), ready_(eventfd(greedy ? 1 : 0, EFD_CLOEXEC)), taken_(taken) {}

  int fd() const override { return ready_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override {
    frames_.assign(8, {std::span(frame_), {}});
    return std::span(frames_);
  }
  void Write(std::span<const uint8_t> frame, const packet::Offload&) override {
    ++taken_.packets;
    taken_.bytes += frame.size();
    taken_.largest = std::max(taken_.largest, frame.size());
    EXPECT_TRUE(offloads_ || packet::ChecksumsAreRight(frame) || frame.size() < 1514);
  }
  bool offloads() const override { return offloads_; }
  int descriptor() const override { return ready_.get(); }
  const Counters& counters() const override { return counters_; }

 private:
  const bool offloads_;
  const UniqueFd ready_;
  Taken& taken_;
  Bytes frame_ = packet::UdpFrame(packet::Between("10.0.2.15:1", "198.35.26.96:7"), packet::Pattern(1000));
  std::vector<packet::Frame> frames_;
  Counters counters_;
};

class GuestLinkTest : public testing::Test {
 protected:
  void Attach(bool offloads, bool greedy = false) {
    link_.Attach(std::make_unique<GreedyLink>(offloads, greedy, taken_), [this](const packet::Frame& frame) {
      ++sent_.packets;
      sent_.bytes += frame.bytes.size();
    });
  }

  FakeLoop loop_;
  GuestLink link_{loop_, kMtu};
  flow::Flow flow_;
  GreedyLink::Taken taken_;  // by the guest
  GreedyLink::Taken sent_;   // by the guest
};

packet::Packet Parse(Bytes& frame) {
  packet::Packet packet;
  EXPECT_EQ(packet::Parse(frame, packet), packet::ParseError::kNone);
  return packet;
}

TEST_F(GuestLinkTest, CutsForALinkWithoutOffload) {
  Attach(false);
  Bytes tcp = packet::TcpFrame(packet::Between("93.184.216.34:80", "10.0.2.15:1"), {.payload = packet::Pattern(16'000)});
  packet::Packet packet = Parse(tcp);
  link_.WriteSegmented(packet, 1460, flow_);
  EXPECT_EQ(taken_.packets, 11u);
  EXPECT_EQ(taken_.bytes, 16'000u + 11 * 54);
  EXPECT_EQ(taken_.largest, 1514u);
  taken_ = {};
  link_.Write(packet::UdpFrame(packet::Between("[2606::1]:7", "[fd00::15]:1"), packet::Pattern(16'000)));
  EXPECT_EQ(taken_.packets, 12u);
  EXPECT_LE(taken_.largest, 1514u);
}

TEST_F(GuestLinkTest, LeavesTheCuttingToALinkWithOffload) {
  Attach(true);
  Bytes tcp = packet::TcpFrame(packet::Between("93.184.216.34:80", "10.0.2.15:1"), {.payload = packet::Pattern(16'000)});
  packet::Packet packet = Parse(tcp);
  link_.WriteSegmented(packet, 1460, flow_);
  link_.Flush();
  EXPECT_EQ(taken_.packets, 1u);
  EXPECT_EQ(taken_.bytes, tcp.size());
}

TEST_F(GuestLinkTest, WritesLargeSegmentsThatFollowOneAnotherAsOne) {
  Attach(true);
  const packet::Addressing from = packet::Between("93.184.216.34:80", "10.0.2.15:1");
  Bytes first = packet::TcpFrame(from, {.sequence = 1, .payload = packet::Pattern(16'000)});
  Bytes second = packet::TcpFrame(from, {.sequence = 16'001, .payload = packet::Pattern(16'000)});
  for (Bytes* frame : {&first, &second}) {
    packet::Packet packet = Parse(*frame);
    link_.WriteSegmented(packet, 1460, flow_);
  }
  EXPECT_EQ(taken_.packets, 0u);
  link_.Flush();
  EXPECT_EQ(taken_.packets, 1u);
  EXPECT_EQ(taken_.largest, first.size() + 16'000);
}

TEST_F(GuestLinkTest, KeepsFramesInOrderAroundWhatIsHeld) {
  Attach(true);
  const packet::Addressing from = packet::Between("93.184.216.34:80", "10.0.2.15:1");
  Bytes large = packet::TcpFrame(from, {.sequence = 1, .payload = packet::Pattern(16'000)});
  Bytes last = packet::TcpFrame(from, {.flags = 0x18, .sequence = 16'001, .payload = packet::Pattern(10)});
  packet::Packet packet = Parse(large);
  link_.WriteSegmented(packet, 1460, flow_);
  link_.Write(packet::UdpFrame(packet::Between("198.35.26.96:7", "10.0.2.15:1"), {1}));
  EXPECT_EQ(taken_.packets, 2u);
  // A push says that nothing follows.
  packet = Parse(large);
  link_.WriteSegmented(packet, 1460, flow_);
  packet = Parse(last);
  link_.WriteSegmented(packet, 1460, flow_);
  EXPECT_EQ(taken_.packets, 3u);
}

TEST_F(GuestLinkTest, ReadsAGreedyGuestNoFasterThanItsLimit) {
  link_.SetLimits({1'000'000, 0}, {});
  Attach(true, true);
  loop_.Advance(kTenSeconds);
  EXPECT_NEAR(static_cast<double>(sent_.bytes), 10e6, 0.02 * 10e6);
}

TEST_F(GuestLinkTest, NewLimitsAreInForceAtOnce) {
  link_.SetLimits({1000, 0}, {});
  Attach(true, true);
  loop_.Advance(kTenSeconds);
  EXPECT_NEAR(static_cast<double>(sent_.bytes), 10e3, 2e3);
  sent_ = {};
  link_.SetLimits({1'000'000, 0}, {});
  loop_.Advance(kTenSeconds);
  EXPECT_NEAR(static_cast<double>(sent_.bytes), 10e6, 0.02 * 10e6);
}

TEST_F(GuestLinkTest, DelaysWhatIsPastTheIngressLimitAndBoundsTheQueue) {
  Attach(true);
  link_.SetLimits({}, {100'000, 0});
  const Bytes frame = packet::UdpFrame(packet::Between("198.35.26.96:7", "10.0.2.15:1"), packet::Pattern(1000));
  constexpr size_t kFrames = 2000;
  for (size_t i = 0; i < kFrames; ++i) link_.Write(frame);
  const size_t held = link::FrameQueue::kMaxBytes / (frame.size() + link::FrameQueue::kLengthSize);
  EXPECT_EQ(link_.over_limit(), kFrames - taken_.packets - held);
  loop_.Advance(kTenSeconds);
  EXPECT_NEAR(static_cast<double>(taken_.bytes), 1e6, 0.02 * 1e6);
  EXPECT_EQ(taken_.bytes % frame.size(), 0u);
}

TEST_F(GuestLinkTest, CountsASegmentedPacketAsWhatItIsOnTheWire) {
  Attach(true);
  link_.SetLimits({}, {0, 1000});
  Bytes tcp = packet::TcpFrame(packet::Between("93.184.216.34:80", "10.0.2.15:1"), {.payload = packet::Pattern(14'600)});
  for (int i = 0; i < 10'000; ++i) {
    Bytes copy = tcp;
    packet::Packet packet = Parse(copy);
    if (i % 9 == 0) link_.WriteSegmented(packet, 1460, flow_);
    loop_.Advance(absl::Milliseconds(1));
  }
  EXPECT_NEAR(static_cast<double>(taken_.packets), 1000, 20);  // of ten each
}

TEST_F(GuestLinkTest, SaysNothingWhileItIsDown) {
  Attach(true);
  const Bytes frame = packet::UdpFrame(packet::Between("198.35.26.96:7", "10.0.2.15:1"), {1});
  link_.SetUp(false);
  link_.Write(frame);
  EXPECT_EQ(taken_.packets, 0u);
  link_.SetUp(true);
  link_.Write(frame);
  EXPECT_EQ(taken_.packets, 1u);
}

}  // namespace
}  // namespace sluice
