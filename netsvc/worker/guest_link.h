#ifndef SLUICE_NETSVC_WORKER_GUEST_LINK_H_
#define SLUICE_NETSVC_WORKER_GUEST_LINK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "netsvc/flow/flow.h"
#include "netsvc/flow/rate_limit.h"
#include "netsvc/link/captures.h"
#include "netsvc/link/frame_queue.h"
#include "netsvc/link/link.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/tcp_merger.h"

namespace sluice {

// The guest's link as the gateway uses it: watched while there is one, a sink
// while there is none or it is down. What a link without offload cannot take,
// it cuts: TCP into segments, everything else into fragments. One thread.
//
// It keeps the rate limits, and delays where others would drop, for TCP slows
// down with neither loss nor stall. Past its limit the guest is not read: its own
// queue fills, as behind a slow line. Frames for it wait in a queue of
// link::FrameQueue's size; what is past that is dropped and counted.
class GuestLink {
 public:
  // `mtu`: the guest's.
  GuestLink(EventLoop& loop, uint16_t mtu);

  // `on_frame` gets each frame that the guest sends, until Detach. The link is up.
  void Attach(std::unique_ptr<link::Link> link, std::function<void(const packet::Frame&)> on_frame);
  // Not from `on_frame`.
  void Detach();
  bool attached() const { return link_ != nullptr; }

  // Is there a link that has to stay with its guest, up or down?
  bool stays() const { return link_ != nullptr && !link_->removable(); }
  // As link::Link's; -1 where there is no link.
  int descriptor() const { return link_ == nullptr ? -1 : link_->descriptor(); }
  // Up again, with what the server feeds it through now.
  void Renew(UniqueFd descriptor);
  // From now on; RateLimit() for none.
  void SetLimits(const flow::RateLimit& egress, const flow::RateLimit& ingress);
  // Frames to the guest that found the limit's queue full.
  uint64_t over_limit() const { return over_limit_; }

  // Down: nothing is said to the guest.
  void SetUp(bool up);

  // A frame with full checksums. `flow`: whose it is; nullptr: it is Sluice's own.
  void Write(std::span<const uint8_t> frame, const flow::Flow* flow = nullptr);
  // A TCP packet of `flow` with full checksums, segmented where its payload is
  // larger than `segment_size`. Changes the packet. Where the link segments, a
  // large one may wait for those that follow it, until Flush or another frame.
  void WriteSegmented(packet::Packet& packet, uint16_t segment_size, const flow::Flow& flow);
  void Flush();

  // Who looks on. What is written is shown to them here; what the guest sent, by
  // whoever judges it.
  link::Captures& captures() { return captures_; }

 private:
  void WatchLink();
  void OnReadable();
  // Hands over what was read, as far as the limit lets it; false where it does not.
  bool HandOver();

  void Show(std::span<const uint8_t> frame, const flow::Flow* flow);
  void DropHeld();
  // Whether a frame has to wait for the limit, and does, or is dropped.
  bool MustWait(std::span<const uint8_t> frame, uint16_t segment_size);
  void WriteHeld();
  void Put(std::span<const uint8_t> frame);
  void PutSegmented(packet::Packet& packet, uint16_t segment_size);
  void PutCut(const packet::Packet& packet, uint16_t segment_size);
  void PutFragments(const packet::Packet& packet);

  EventLoop& loop_;
  const uint16_t mtu_;
  std::unique_ptr<link::Link> link_;
  bool up_ = true;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::function<void(const packet::Frame&)> on_frame_;
  link::Captures captures_;
  std::vector<uint8_t> cut_;  // one segment or fragment
  uint32_t last_identification_ = 0;

  flow::RateLimit egress_;
  std::span<packet::Frame> read_;  // and not handed over yet
  std::unique_ptr<EventLoop::Handle> egress_timer_;
  flow::RateLimit ingress_;
  link::FrameQueue held_;
  std::deque<uint16_t> held_segment_sizes_;  // 0: as it is
  std::unique_ptr<EventLoop::Handle> ingress_timer_;
  uint64_t over_limit_ = 0;
  packet::TcpMerger merger_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GUEST_LINK_H_
