#ifndef SLUICE_SERVER_CORE_RESOLV_CONF_H_
#define SLUICE_SERVER_CORE_RESOLV_CONF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/endpoint.h"

namespace sluice {

// More are left out; glibc reads 3.
inline constexpr size_t kMaxHostNameservers = 8;
inline constexpr size_t kMaxResolvConf = 64 << 10;  // bytes

// The "nameserver" lines of a resolv.conf, in order. Lines that cannot be read
// are passed over, as glibc does, and so are link-local addresses with a zone.
std::vector<Endpoint> ParseResolvConf(absl::string_view text);

// The same of a file. A file that is not there names none.
absl::StatusOr<std::vector<Endpoint>> ReadResolvConf(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_RESOLV_CONF_H_
