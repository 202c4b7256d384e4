// Packets of open flows, both ways through the real gateway, cost no memory.

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "netsvc/base/allocation_count.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/link.h"
#include "netsvc/packet/test_frames.h"
#include "netsvc/worker/gateway_fixture.h"

namespace sluice {
namespace {

const Endpoint kWeb = *Endpoint::Parse("93.184.216.34:80");
const Endpoint kWeb6 = *Endpoint::Parse("[2606:2800:220:1::1]:80");
constexpr int kRounds = 20;

// Its guest sends the same frames over and over, as many batches as it is told,
// and takes everything.
class PlayingLink : public link::Link {
 public:
  explicit PlayingLink(std::vector<packet::Bytes> frames) : bytes_(std::move(frames)) {
    for (packet::Bytes& frame : bytes_) frames_.push_back({.bytes = frame, .offload = {}});
  }

  void Play(int batches) {
    batches_ = batches;
    eventfd_write(event_.get(), 1);
  }

  int fd() const override { return event_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override {
    if (batches_-- > 0) return std::span(frames_);
    eventfd_t value;
    eventfd_read(event_.get(), &value);
    return std::span<packet::Frame>();
  }
  void Write(std::span<const uint8_t>, const packet::Offload&) override { ++written; }
  bool offloads() const override { return true; }
  int descriptor() const override { return event_.get(); }
  const Counters& counters() const override { return counters_; }

  int written = 0;

 private:
  std::vector<packet::Bytes> bytes_;
  std::vector<packet::Frame> frames_;
  int batches_ = 0;
  const UniqueFd event_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Counters counters_;
};

class GatewayAllocationTest : public GatewayFixture {
 protected:
  GatewayAllocationTest() {
    std::vector<packet::Bytes> from_guest;
    for (const Endpoint& remote : {kWeb, kWeb6}) {
      const packet::Addressing out = FromGuestTo(remote);
      from_guest.push_back(packet::UdpFrame(out, packet::Pattern(1200)));
      from_guest.push_back(packet::TcpFrame(out, {.flags = packet::kSyn, .sequence = 1000}));
      from_guest.push_back(
          packet::TcpFrame(out, {.flags = packet::kAck, .sequence = 1001, .payload = packet::Pattern(1400)}));
      const packet::Addressing back = ToGuestFrom(remote);
      to_guest_frames_.push_back(packet::UdpFrame(back, packet::Pattern(1200)));
      to_guest_frames_.push_back(
          packet::TcpFrame(back, {.flags = packet::kAck, .sequence = 1, .payload = packet::Pattern(16384)}));
    }
    auto link = std::make_unique<PlayingLink>(std::move(from_guest));
    guest_ = link.get();
    gateway_->AttachLink(std::move(link));
    stack_.keeps_frames = false;
  }

  void Round() {
    guest_->Play(3);
    loop_.RunUntilIdle();
    for (packet::Bytes& frame : to_guest_frames_) stack_.delegate().OnFrame(frame);
    stack_.delegate().OnTurnEnd();
  }

  PlayingLink* guest_ = nullptr;
  std::vector<packet::Bytes> to_guest_frames_;
};

TEST_F(GatewayAllocationTest, PacketsOfOpenFlowsAllocateNothing) {
  Round();  // opens the flows
  ASSERT_EQ(flows_.open_count(), 4u);
  const int written = guest_->written;
  const int before = AllocationCount();
  for (int i = 0; i < kRounds; ++i) Round();
  EXPECT_EQ(AllocationCount(), before);
  EXPECT_EQ(guest_->written, written + kRounds * static_cast<int>(to_guest_frames_.size()));
  EXPECT_EQ(flows_.FindByGuestSide({v1::PROTOCOL_UDP, FromGuestTo(kWeb).source, kWeb})->bytes_to_remote,
            uint64_t{1200} * 3 * (1 + kRounds));
}

}  // namespace
}  // namespace sluice
