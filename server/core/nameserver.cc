#include "server/core/nameserver.h"

namespace sluice {
namespace {

constexpr uint16_t kDnsPort = 53;  // RFC 1035 section 4.2

}  // namespace

std::optional<Endpoint> ParseNameserver(absl::string_view text) {
  std::optional<Endpoint> server;
  if (const std::optional<IpAddress> address = IpAddress::Parse(text)) {
    server = Endpoint{.address = *address, .port = kDnsPort};
  } else {
    server = Endpoint::Parse(text);
  }
  if (!server || server->port == 0 || server->address.IsUnspecified()) return std::nullopt;
  return server;
}

}  // namespace sluice
