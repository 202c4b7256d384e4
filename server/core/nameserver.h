#ifndef SLUICE_SERVER_CORE_NAMESERVER_H_
#define SLUICE_SERVER_CORE_NAMESERVER_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "netsvc/base/endpoint.h"

namespace sluice {

// A resolver as DnsConfig.nameservers writes it: "IP" (port 53) or "IP:PORT",
// an IPv6 address in brackets where a port follows.
std::optional<Endpoint> ParseNameserver(absl::string_view text);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_NAMESERVER_H_
