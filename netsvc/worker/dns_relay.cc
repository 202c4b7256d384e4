#include "netsvc/worker/dns_relay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/dns/own_query.h"
#include "netsvc/dns/protocol.h"
#include "netsvc/packet/builder.h"

namespace sluice {
namespace {

// Connections are accepted in the call that makes them: none ever waits.
constexpr int kBacklog = 16;
constexpr uint16_t kFirstPort = 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<DnsRelay>> DnsRelay::Create(GuestLink& link, const Subnet& subnet,
                                                           flow::FlowTable& flows, const std::string& service_path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (service_path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("socket path too long: ", service_path));
  }
  memcpy(address.sun_path, service_path.data(), service_path.size());
  UniqueFd service(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!service.valid()) return ErrnoError(errno, "socket");
  unlink(service_path.c_str());
  if (bind(service.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0 ||
      listen(service.get(), kBacklog) < 0) {
    return ErrnoError(errno, absl::StrCat("listening on ", service_path));
  }
  return std::unique_ptr<DnsRelay>(new DnsRelay(link, subnet, flows, std::move(service)));
}

DnsRelay::DnsRelay(GuestLink& link, const Subnet& subnet, flow::FlowTable& flows, UniqueFd service)
    : link_(link), subnet_(subnet), flows_(flows), service_(std::move(service)), last_port_(kFirstPort) {}

void DnsRelay::OnDatagram(const packet::Packet& query) {
  const dns::Asked asked{v1::PROTOCOL_UDP, query.source_endpoint(), query.destination_endpoint()};
  const packet::Addressing back{subnet_.gateway_mac, query.source_mac, asked.resolver, asked.guest};
  const auto answer = [this, back](std::span<const uint8_t> message) {
    std::vector<uint8_t> frame(packet::kEthernetHeaderSize + packet::kIpv6HeaderSize + packet::kUdpHeaderSize +
                               message.size());
    const size_t size = packet::BuildUdp(back, message, frame);
    if (size > 0) link_.Write(std::span(frame).first(size));
  };
  interceptor_->OnDatagram(asked, query.payload(), answer);
}

void DnsRelay::Resolve(const DomainName& name, bool ipv6, std::function<void(bool answered)> done) {
  const Endpoint resolver{subnet_.ipv4.dns, kPort};
  dns::AskOwn(*interceptor_, resolver, name, ipv6 ? dns::kTypeAaaa : dns::kTypeA, std::move(done));
}

std::optional<flow::FlowKey> DnsRelay::HostSide() {
  flow::FlowKey key{v1::PROTOCOL_TCP, {subnet_.dns_client, 0}, subnet_.dns_service};
  for (int tries = 0; tries < 0x10000; ++tries) {
    last_port_ = last_port_ == 0xffff ? kFirstPort : static_cast<uint16_t>(last_port_ + 1);
    key.guest.port = last_port_;
    if (flows_.FindByHostSide(key) == nullptr) return key;
  }
  return std::nullopt;
}

void DnsRelay::OnConnected(const flow::Flow& flow) {
  const auto accept_next = [this] {
    return UniqueFd(accept4(service_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  };
  // They are another flow's: closed, so that its guest tries again.
  while (unaccepted_ > 0 && accept_next().valid()) --unaccepted_;
  UniqueFd stream = accept_next();
  if (!stream.valid()) {
    ++unaccepted_;
    return;
  }
  interceptor_->OnConnection({v1::PROTOCOL_TCP, flow.guest_side.guest, flow.guest_side.remote}, std::move(stream));
}

}  // namespace sluice
