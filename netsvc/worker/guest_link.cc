#include "netsvc/worker/guest_link.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "netsvc/packet/fragment.h"
#include "netsvc/packet/headers.h"
#include "netsvc/packet/rewrite.h"
#include "netsvc/packet/segment.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

// Parses what is not changed.
packet::Packet View(std::span<const uint8_t> frame) {
  packet::Packet packet;
  packet::Parse({const_cast<uint8_t*>(frame.data()), frame.size()}, packet);
  return packet;
}

// `segment_size`: 0 for a frame that is one packet.
flow::FrameCost CostOf(std::span<const uint8_t> frame, uint16_t segment_size) {
  if (segment_size == 0) return {.packets = 1, .bytes = frame.size()};
  const size_t payload = View(frame).payload().size();
  const size_t segments = std::max<size_t>((payload + segment_size - 1) / segment_size, 1);
  return {.packets = segments, .bytes = payload + segments * (frame.size() - payload)};
}

}  // namespace

GuestLink::GuestLink(EventLoop& loop, uint16_t mtu)
    : loop_(loop), mtu_(mtu), captures_(loop), cut_(packet::kEthernetHeaderSize + mtu) {}

void GuestLink::Attach(std::unique_ptr<link::Link> link, std::function<void(const packet::Frame&)> on_frame) {
  Detach();
  link_ = std::move(link);
  up_ = true;
  on_frame_ = std::move(on_frame);
  WatchLink();
}

void GuestLink::Detach() {
  watch_.reset();
  egress_timer_.reset();
  read_ = {};
  DropHeld();
  link_.reset();
}

void GuestLink::Renew(UniqueFd descriptor) {
  link_->Renew(std::move(descriptor));
  SetUp(true);
}

void GuestLink::SetUp(bool up) {
  up_ = up;
  if (!up) DropHeld();
}

void GuestLink::DropHeld() {
  ingress_timer_.reset();
  held_.Clear();
  held_segment_sizes_.clear();
  merger_.Clear();
}

void GuestLink::SetLimits(const flow::RateLimit& egress, const flow::RateLimit& ingress) {
  egress_ = egress;
  ingress_ = ingress;
  // What waits, waits by the new limits.
  if (egress_timer_ != nullptr) egress_timer_ = loop_.RunAfter(absl::ZeroDuration(), [this] { OnReadable(); });
  if (ingress_timer_ != nullptr) ingress_timer_ = loop_.RunAfter(absl::ZeroDuration(), [this] { WriteHeld(); });
}

void GuestLink::WatchLink() {
  watch_ = loop_.Watch(link_->fd(), EPOLLIN, [this](uint32_t) { OnReadable(); });
}

void GuestLink::OnReadable() {
  egress_timer_.reset();
  if (link_ == nullptr) return;
  if (!HandOver()) return;
  const absl::StatusOr<std::span<packet::Frame>> batch = link_->Read();
  if (!batch.ok()) {
    spdlog::error("the guest's link is gone: {}", std::string(batch.status().message()));
    // This is the watch's own callback: what it uses goes when it has returned.
    watch_.reset();
    loop_.Post([this] { Detach(); });
    return;
  }
  read_ = *batch;
  const bool full = read_.size() == link::kMaxBatch;
  if (HandOver() && full) loop_.Post([this] { OnReadable(); });
}

bool GuestLink::HandOver() {
  const absl::Duration now = egress_.limited() ? loop_.clock().Monotonic() : absl::ZeroDuration();
  while (!read_.empty()) {
    const absl::Duration wait = egress_.Wait(now);
    if (wait > absl::ZeroDuration()) {
      watch_.reset();
      egress_timer_ = loop_.RunAfter(wait, [this] { OnReadable(); });
      return false;
    }
    const packet::Frame& frame = read_.front();
    read_ = read_.subspan(1);
    if (egress_.limited()) egress_.Take(CostOf(frame.bytes, frame.offload.segment_size), now);
    on_frame_(frame);
  }
  if (watch_ == nullptr) WatchLink();
  return true;
}

bool GuestLink::MustWait(std::span<const uint8_t> frame, uint16_t segment_size) {
  if (!ingress_.limited()) return false;
  const absl::Duration now = loop_.clock().Monotonic();
  const absl::Duration wait = ingress_.Wait(now);
  if (held_.empty() && wait == absl::ZeroDuration()) {
    ingress_.Take(CostOf(frame, segment_size), now);
    return false;
  }
  if (held_.Push(frame)) {
    held_segment_sizes_.push_back(segment_size);
  } else {
    ++over_limit_;
  }
  if (ingress_timer_ == nullptr) ingress_timer_ = loop_.RunAfter(wait, [this] { WriteHeld(); });
  return true;
}

void GuestLink::WriteHeld() {
  ingress_timer_.reset();
  const absl::Duration now = loop_.clock().Monotonic();
  while (!held_.empty()) {
    const absl::Duration wait = ingress_.Wait(now);
    if (wait > absl::ZeroDuration()) {
      ingress_timer_ = loop_.RunAfter(wait, [this] { WriteHeld(); });
      return;
    }
    const std::span<const uint8_t> frame = held_.front();
    const uint16_t segment_size = held_segment_sizes_.front();
    ingress_.Take(CostOf(frame, segment_size), now);
    if (segment_size == 0) {
      Put(frame);
    } else {
      packet::Packet packet = View(frame);
      PutSegmented(packet, segment_size);
    }
    held_.Pop();
    held_segment_sizes_.pop_front();
  }
}

void GuestLink::Show(std::span<const uint8_t> frame, const flow::Flow* flow) {
  if (flow == nullptr) return captures_.ToGuest(frame);
  captures_.ToGuest(frame, flow->verdict(), flow->id);
}

void GuestLink::Write(std::span<const uint8_t> frame, const flow::Flow* flow) {
  if (link_ == nullptr || !up_) return;
  if (captures_.active()) Show(frame, flow);
  if (!MustWait(frame, 0)) Put(frame);
}

void GuestLink::WriteSegmented(packet::Packet& packet, uint16_t segment_size, const flow::Flow& flow) {
  if (link_ == nullptr || !up_) return;
  if (captures_.active()) Show(packet.frame, &flow);
  if (!MustWait(packet.frame, segment_size)) PutSegmented(packet, segment_size);
}

void GuestLink::Put(std::span<const uint8_t> frame) {
  Flush();
  if (link_->offloads() || frame.size() <= packet::kEthernetHeaderSize + mtu_) {
    link_->Write(frame, {});
  } else {
    PutFragments(View(frame));
  }
  link_->Flush();
}

void GuestLink::PutFragments(const packet::Packet& packet) {
  if (packet.transport_offset == packet.network_offset) return;  // not IP
  packet::CutFragments(packet, mtu_, ++last_identification_, cut_,
                       [this](std::span<const uint8_t> fragment) { link_->Write(fragment, {}); });
}

void GuestLink::PutSegmented(packet::Packet& packet, uint16_t segment_size) {
  if (!link_->offloads()) return PutCut(packet, segment_size);
  bool taken = merger_.Take(packet, segment_size);
  if (!taken) {
    Flush();
    taken = merger_.Take(packet, segment_size);
  }
  if (!taken) link_->Write(packet.frame, packet::PrepareOffload(packet, segment_size));
  if (merger_.complete()) Flush();
}

void GuestLink::PutCut(const packet::Packet& packet, uint16_t segment_size) {
  const size_t payload = packet.payload().size();
  if (payload <= segment_size) return Put(packet.frame);
  for (size_t at = 0; at < payload; at += segment_size) {
    link_->Write(std::span(cut_).first(packet::CopyTcpSegment(packet, at, segment_size, cut_)), {});
  }
  link_->Flush();
}

void GuestLink::Flush() {
  if (merger_.empty()) return;
  packet::TcpMerger::Merged merged = merger_.Release();
  link_->Write(merged.packet.frame, packet::PrepareOffload(merged.packet, merged.segment_size));
}

}  // namespace sluice
