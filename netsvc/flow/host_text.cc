#include "netsvc/flow/host_text.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "netsvc/base/ip_address.h"

namespace sluice::flow {
namespace {

bool IsAscii(absl::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return absl::ascii_isascii(c); });
}

// ":" and digits, or nothing at all.
bool IsPort(absl::string_view text) {
  if (text.empty()) return true;
  return text[0] == ':' && std::ranges::all_of(text.substr(1), [](unsigned char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

Inspection InspectHost(absl::string_view host) {
  if (IpAddress::Parse(host)) return Inspection::Nameless();
  if (!IsAscii(host)) return Inspection::Unreadable();
  absl::StatusOr<DomainName> name = DomainName::FromText(host);
  return name.ok() ? Inspection::Named(*std::move(name)) : Inspection::Unreadable();
}

Inspection InspectAuthority(absl::string_view authority) {
  if (authority.empty() || authority[0] != '[') {
    const size_t end = std::min(authority.find(':'), authority.size());
    return IsPort(authority.substr(end)) ? InspectHost(authority.substr(0, end)) : Inspection::Unreadable();
  }
  const size_t end = authority.find(']');
  if (end == authority.npos || !IsPort(authority.substr(end + 1))) return Inspection::Unreadable();
  const std::optional<IpAddress> address = IpAddress::Parse(authority.substr(1, end - 1));
  return address && address->is_v6() ? Inspection::Nameless() : Inspection::Unreadable();
}

}  // namespace sluice::flow
