#include "netsvc/worker/stack_port.h"

#include <algorithm>

#include "netsvc/packet/rewrite.h"
#include "netsvc/packet/segment.h"

namespace sluice {
namespace {

constexpr size_t kMaxTcpOptionsSize = 40;  // RFC 9293 section 3.1: a data offset of 15 words
constexpr size_t kMaxIpv6TcpPayload =
    StackPort::kMaxIpv6Packet - packet::kIpv6HeaderSize - packet::kTcpHeaderSize - kMaxTcpOptionsSize;

}  // namespace

bool StackPort::Send(flow::Flow& flow, packet::Packet& packet) {
  const bool tcp = packet.is_tcp();
  const int socket = Input(flow, packet);
  if (socket < 0 || !tcp) return false;
  Tie(flow, socket);
  return true;
}

int StackPort::Input(const flow::Flow& flow, packet::Packet& packet) {
  const Endpoint& guest = flow.host_side.guest;
  const Endpoint& remote = flow.host_side.remote;
  if (flow.translated() && guest.address.is_v6() != packet.source.is_v6()) {
    scratch_.resize(packet::kMaxFrameSize);
    const size_t size = packet::TranslateEndpoints(packet, guest, remote, scratch_);
    return size == 0 ? -1 : stack_.Input(std::span(scratch_).first(size));
  }
  if (flow.translated()) packet::RewriteEndpoints(packet, guest, remote);
  const bool large = packet.frame.size() > packet::kEthernetHeaderSize + kMaxIpv6Packet;
  if (large && packet.source.is_v6() && packet.is_tcp()) return InputSegmented(packet);
  return stack_.Input(packet.frame);
}

int StackPort::InputSegmented(const packet::Packet& packet) {
  scratch_.resize(packet::kMaxFrameSize);
  int socket = -1;
  for (size_t at = 0; at < packet.payload().size(); at += kMaxIpv6TcpPayload) {
    const size_t size = packet::CopyTcpSegment(packet, at, kMaxIpv6TcpPayload, scratch_);
    socket = std::max(socket, stack_.Input(std::span(scratch_).first(size)));
  }
  return socket;
}

void StackPort::SendLater(EventLoop& loop, std::span<const uint8_t> frame) {
  loop.Post([this, copy = std::vector<uint8_t>(frame.begin(), frame.end())] { stack_.Input(copy); });
}

void StackPort::Tie(flow::Flow& flow, int socket) {
  const size_t index = static_cast<size_t>(socket);
  if (index >= by_socket_.size()) by_socket_.resize(std::max(index + 1, 2 * by_socket_.size()));
  by_socket_[index] = &flow;
  flow.socket = socket;
}

void StackPort::Untie(flow::Flow& flow) {
  if (flow.socket >= 0) by_socket_[static_cast<size_t>(flow.socket)] = nullptr;
  flow.socket = -1;
}

void StackPort::Abort(const flow::Flow& flow) {
  if (flow.socket >= 0) stack_.Abort(flow.socket);
}

void StackPort::OnSocketClosed(int socket) {
  if (flow::Flow* flow = FlowOf(socket)) Untie(*flow);
}

flow::Flow* StackPort::FlowOf(int socket) const {
  const size_t index = static_cast<size_t>(socket);
  return index < by_socket_.size() ? by_socket_[index] : nullptr;
}

packet::Packet& StackPort::ToGuestSide(const flow::Flow& flow, packet::Packet& packet) {
  if (!flow.translated()) return packet;
  const Endpoint& guest = flow.guest_side.guest;
  const Endpoint& remote = flow.guest_side.remote;
  if (guest.address.is_v6() == packet.source.is_v6()) {
    packet::RewriteEndpoints(packet, remote, guest);
    return packet;
  }
  scratch_.resize(packet::kMaxFrameSize);
  const size_t size = packet::TranslateEndpoints(packet, remote, guest, scratch_);
  translated_ = {};
  packet::Parse(std::span(scratch_).first(size), translated_);
  return translated_;
}

}  // namespace sluice
