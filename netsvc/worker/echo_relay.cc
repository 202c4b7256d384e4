#include "netsvc/worker/echo_relay.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <utility>
#include <vector>

#include "netsvc/packet/builder.h"

namespace sluice {

using flow::Flow;

// The ping socket of one flow, and what comes back through it.
class EchoRelay::Session : public flow::EchoSocket::Delegate {
 public:
  Session(EchoRelay& relay, Flow& flow) : relay_(relay), flow_(flow) {}

  absl::Status Open() {
    auto socket = flow::EchoSocket::Open(relay_.loop_, flow_.host_side.remote.address, *this);
    if (!socket.ok()) return socket.status();
    socket_ = *std::move(socket);
    return absl::OkStatus();
  }

  void Send(const packet::Packet& request) { socket_->Send(request.icmp_sequence, request.payload()); }

  void OnEchoReply(uint16_t sequence, std::span<const uint8_t> payload) override {
    relay_.Reply(flow_, sequence, payload);
  }

  void OnEchoError(const IpAddress& offender, uint8_t type, uint8_t code, uint32_t info,
                   uint16_t sequence) override;

 private:
  EchoRelay& relay_;
  Flow& flow_;
  std::unique_ptr<flow::EchoSocket> socket_;
};

void EchoRelay::Session::OnEchoError(const IpAddress& offender, uint8_t type, uint8_t code, uint32_t info,
                                     uint16_t sequence) {
  // The error quotes the guest's request, made anew: its headers are all that a
  // ping looks at. An echo reply differs from a request by its type alone.
  const Subnet& subnet = relay_.subnet_;
  const bool v6 = offender.is_v6();
  std::array<uint8_t, packet::kMaxRejectSize> request, error;
  const packet::Addressing out{subnet.guest_mac, subnet.gateway_mac, flow_.guest_side.guest,
                               {flow_.guest_side.remote.address, flow_.guest_side.guest.port}};
  const size_t request_size = packet::BuildEchoReply(out, sequence, {}, request);
  const size_t icmp = packet::kEthernetHeaderSize + (v6 ? packet::kIpv6HeaderSize : packet::kIpv4HeaderSize);
  request[icmp] = v6 ? uint8_t{ICMP6_ECHO_REQUEST} : uint8_t{ICMP_ECHO};
  const packet::Addressing back{subnet.gateway_mac, subnet.guest_mac, {offender, 0}, flow_.guest_side.guest};
  const auto quoted = std::span(request).subspan(packet::kEthernetHeaderSize, request_size - packet::kEthernetHeaderSize);
  const size_t size = packet::BuildIcmpError(back, type, code, info, quoted, error);
  if (size > 0) relay_.link_.Write(std::span(error).first(size), &flow_);
}

EchoRelay::EchoRelay(EventLoop& loop, GuestLink& link, const Subnet& subnet, flow::FlowTable& flows)
    : loop_(loop), link_(link), subnet_(subnet), flows_(flows) {}

EchoRelay::~EchoRelay() = default;

absl::Status EchoRelay::Open(Flow& flow) {
  if (subnet_.IsAlias(flow.guest_side.remote.address)) return absl::OkStatus();
  auto session = std::make_unique<Session>(*this, flow);
  if (absl::Status status = session->Open(); !status.ok()) return status;
  sessions_[flow.id] = std::move(session);
  return absl::OkStatus();
}

void EchoRelay::Send(Flow& flow, const packet::Packet& request) {
  if (const auto it = sessions_.find(flow.id); it != sessions_.end()) {
    it->second->Send(request);
  } else {
    Reply(flow, request.icmp_sequence, request.payload());
  }
}

void EchoRelay::Close(const Flow& flow) { sessions_.erase(flow.id); }

void EchoRelay::Reply(Flow& flow, uint16_t sequence, std::span<const uint8_t> payload) {
  flow.bytes_to_guest += payload.size();
  flows_.Touch(flow, loop_.clock().Monotonic());
  std::vector<uint8_t> frame(packet::kEthernetHeaderSize + packet::kIpv6HeaderSize + packet::kIcmpHeaderSize +
                             payload.size());
  const packet::Addressing addressing{subnet_.gateway_mac, subnet_.guest_mac,
                                      {flow.guest_side.remote.address, flow.guest_side.guest.port},
                                      flow.guest_side.guest};
  const size_t size = packet::BuildEchoReply(addressing, sequence, payload, frame);
  if (size > 0) link_.Write(std::span(frame).first(size), &flow);
}

}  // namespace sluice
