#include "server/core/port_validation.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/ip_address.h"

namespace sluice {
namespace {

constexpr absl::string_view kDefaultHostAddress = "127.0.0.1";
constexpr uint32_t kMaxPort = 65535;

bool IsMulticast(const IpAddress& address) {
  return address.is_v4() ? (address.v4() >> 28) == 0xe : address.bytes()[0] == 0xff;
}

absl::Status CheckNumber(absl::string_view field, uint32_t port, uint32_t least) {
  if (port >= least && port <= kMaxPort) return absl::OkStatus();
  return FieldError(field, absl::StrCat("must be ", least, " to ", kMaxPort));
}

// Protocol and host address; the port numbers are left out.
absl::StatusOr<v1::PortMapping> CheckWhere(absl::string_view field, const v1::PortMapping& port) {
  v1::PortMapping checked;
  checked.set_protocol(port.protocol() == v1::PROTOCOL_UNSPECIFIED ? v1::PROTOCOL_TCP : port.protocol());
  if (checked.protocol() != v1::PROTOCOL_TCP && checked.protocol() != v1::PROTOCOL_UDP) {
    return FieldError(absl::StrCat(field, ".protocol"), "must be TCP or UDP");
  }
  const std::optional<IpAddress> address =
      IpAddress::Parse(port.host_address().empty() ? kDefaultHostAddress : port.host_address());
  if (!address) return FieldError(absl::StrCat(field, ".host_address"), "must be an IPv4 or IPv6 address");
  if (IsMulticast(*address)) return FieldError(absl::StrCat(field, ".host_address"), "must not be a multicast address");
  checked.set_host_address(address->ToString());
  return checked;
}

}  // namespace

absl::StatusOr<v1::PortMapping> CheckPort(absl::string_view field, const v1::PortMapping& port) {
  absl::StatusOr<v1::PortMapping> checked = CheckWhere(field, port);
  if (!checked.ok()) return checked;
  absl::Status status = CheckNumber(absl::StrCat(field, ".host_port"), port.host_port(), 0);
  if (status.ok()) status = CheckNumber(absl::StrCat(field, ".guest_port"), port.guest_port(), 1);
  if (!status.ok()) return status;
  checked->set_host_port(port.host_port());
  checked->set_guest_port(port.guest_port());
  return checked;
}

absl::StatusOr<v1::PortMapping> CheckPortName(absl::string_view field, const v1::PortMapping& port) {
  absl::StatusOr<v1::PortMapping> checked = CheckWhere(field, port);
  if (!checked.ok()) return checked;
  const absl::Status status = CheckNumber(absl::StrCat(field, ".host_port"), port.host_port(), 1);
  if (!status.ok()) return status;
  checked->set_host_port(port.host_port());
  return checked;
}

absl::Status CheckPorts(absl::string_view field, google::protobuf::RepeatedPtrField<v1::PortMapping>& ports) {
  if (ports.size() > kMaxPorts) return FieldError(field, absl::StrCat("has more than ", kMaxPorts, " ports"));
  for (int i = 0; i < ports.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    absl::StatusOr<v1::PortMapping> checked = CheckPort(path, ports[i]);
    if (!checked.ok()) return checked.status();
    ports[i] = *std::move(checked);
    for (int j = 0; j < i; ++j) {
      if (ports[i].host_port() == 0 || !SameHostPort(ports[i], ports[j])) continue;
      return FieldError(absl::StrCat(path, ".host_port"), absl::StrCat("is the same host port as ", field, "[", j, "]"));
    }
  }
  return absl::OkStatus();
}

bool SameHostPort(const v1::PortMapping& a, const v1::PortMapping& b) {
  return a.protocol() == b.protocol() && a.host_address() == b.host_address() && a.host_port() == b.host_port();
}

}  // namespace sluice
