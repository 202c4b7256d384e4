#ifndef SLUICE_NETSVC_WORKER_GUEST_LINK_H_
#define SLUICE_NETSVC_WORKER_GUEST_LINK_H_

#include <functional>
#include <memory>
#include <span>

#include "netsvc/link/link.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"

namespace sluice {

// The guest's link as the gateway uses it: watched while there is one, a sink
// while there is none. One thread.
class GuestLink {
 public:
  explicit GuestLink(EventLoop& loop) : loop_(loop) {}

  // `on_frame` gets each frame that the guest sends, until Detach.
  void Attach(std::unique_ptr<link::Link> link, std::function<void(const packet::Frame&)> on_frame);
  // Not from `on_frame`.
  void Detach();
  bool attached() const { return link_ != nullptr; }

  // A frame as it is.
  void Write(std::span<const uint8_t> frame);
  // A TCP packet with full checksums, segmented where its payload is larger than
  // `segment_size`. Changes the packet.
  void WriteSegmented(packet::Packet& packet, uint16_t segment_size);

 private:
  void OnReadable();

  EventLoop& loop_;
  std::unique_ptr<link::Link> link_;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::function<void(const packet::Frame&)> on_frame_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_GUEST_LINK_H_
