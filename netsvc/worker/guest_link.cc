#include "netsvc/worker/guest_link.h"

#include <sys/epoll.h>

#include <utility>

#include "netsvc/packet/rewrite.h"
#include "spdlog/spdlog.h"

namespace sluice {

void GuestLink::Attach(std::unique_ptr<link::Link> link, std::function<void(const packet::Frame&)> on_frame) {
  Detach();
  link_ = std::move(link);
  on_frame_ = std::move(on_frame);
  watch_ = loop_.Watch(link_->fd(), EPOLLIN, [this](uint32_t) { OnReadable(); });
}

void GuestLink::Detach() {
  watch_.reset();
  link_.reset();
}

void GuestLink::OnReadable() {
  const absl::StatusOr<std::span<packet::Frame>> batch = link_->Read();
  if (!batch.ok()) {
    spdlog::error("the guest's link is gone: {}", std::string(batch.status().message()));
    // This is the watch's own callback: what it uses goes when it has returned.
    watch_.reset();
    loop_.Post([this] { Detach(); });
    return;
  }
  for (const packet::Frame& frame : *batch) on_frame_(frame);
}

void GuestLink::Write(std::span<const uint8_t> frame) {
  if (link_ != nullptr) link_->Write(frame, {});
}

void GuestLink::WriteSegmented(packet::Packet& packet, uint16_t segment_size) {
  if (link_ == nullptr) return;
  const packet::Offload offload = packet::PrepareOffload(packet, segment_size);
  link_->Write(packet.frame, offload);
}

}  // namespace sluice
