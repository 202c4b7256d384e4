#include "clients/cpp/port_syntax.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/base/ip_address.h"
#include "protos/text/enum_words.h"

namespace sluice::client {
namespace {

constexpr absl::string_view kDefaultHostAddress = "127.0.0.1";

absl::Status Wrong(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": ", problem));
}

// Takes what follows the last `separator`; everything, where there is none.
absl::string_view TakeLast(absl::string_view& text, char separator) {
  const size_t at = text.rfind(separator);
  const absl::string_view last = at == text.npos ? text : text.substr(at + 1);
  text = at == text.npos ? absl::string_view() : text.substr(0, at);
  return last;
}

absl::Status TakeProtocol(absl::string_view& text, v1::PortMapping& port) {
  port.set_protocol(v1::PROTOCOL_TCP);
  if (!absl::StrContains(text, '/')) return absl::OkStatus();
  const size_t slash = text.rfind('/');
  const std::optional<v1::Protocol> protocol = ParseEnumWord<v1::Protocol>(text.substr(slash + 1));
  if (!protocol || *protocol == v1::PROTOCOL_ICMP)
    return absl::InvalidArgumentError("the protocol is tcp or udp");
  port.set_protocol(*protocol);
  text = text.substr(0, slash);
  return absl::OkStatus();
}

// `text`: ADDR or nothing.
absl::Status SetHostAddress(absl::string_view text, v1::PortMapping& port) {
  if (text.empty()) return absl::OkStatus();
  const bool bracketed = absl::ConsumePrefix(&text, "[") && absl::ConsumeSuffix(&text, "]");
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  if (!address || address->is_v6() != bracketed) {
    return absl::InvalidArgumentError("the address is neither 1.2.3.4 nor [2001:db8::1]");
  }
  port.set_host_address(address->ToString());
  return absl::OkStatus();
}

// `text`: [ADDR:]HOST.
absl::Status SetHost(absl::string_view text, v1::PortMapping& port) {
  if (absl::StartsWith(text, ":")) return absl::InvalidArgumentError("the address before ':' is missing");
  const std::optional<uint16_t> host_port = ParsePort(TakeLast(text, ':'));
  if (!host_port) return absl::InvalidArgumentError("the host port is a number from 0 to 65535");
  port.set_host_port(*host_port);
  return SetHostAddress(text, port);
}

}  // namespace

std::optional<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port;
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  if (!absl::SimpleAtoi(text, &port) || port > 0xffff) return std::nullopt;
  return static_cast<uint16_t>(port);
}

absl::StatusOr<v1::PortMapping> ParsePortMapping(absl::string_view text) {
  v1::PortMapping port;
  absl::string_view rest = text;
  if (const absl::Status status = TakeProtocol(rest, port); !status.ok())
    return Wrong(text, status.message());
  if (!absl::StrContains(rest, ':')) return Wrong(text, "a port is published as [ADDR:]HOST:GUEST[/udp]");
  const std::optional<uint16_t> guest_port = ParsePort(TakeLast(rest, ':'));
  if (!guest_port || *guest_port == 0) return Wrong(text, "the guest port is a number from 1 to 65535");
  port.set_guest_port(*guest_port);
  if (const absl::Status status = SetHost(rest, port); !status.ok()) return Wrong(text, status.message());
  return port;
}

absl::StatusOr<v1::PortMapping> ParseHostPort(absl::string_view text) {
  v1::PortMapping port;
  absl::string_view rest = text;
  if (const absl::Status status = TakeProtocol(rest, port); !status.ok())
    return Wrong(text, status.message());
  if (const absl::Status status = SetHost(rest, port); !status.ok()) return Wrong(text, status.message());
  return port;
}

std::string PortMappingText(const v1::PortMapping& port) {
  absl::string_view address = port.host_address();
  if (address.empty()) address = kDefaultHostAddress;
  const bool v6 = absl::StrContains(address, ':');
  const v1::Protocol protocol =
      port.protocol() == v1::PROTOCOL_UNSPECIFIED ? v1::PROTOCOL_TCP : port.protocol();
  return absl::StrCat(v6 ? "[" : "", address, v6 ? "]:" : ":", port.host_port(), "->", port.guest_port(), "/",
                      EnumWord(protocol));
}

}  // namespace sluice::client
