#ifndef SLUICE_CLIENTS_CPP_PORT_SYNTAX_H_
#define SLUICE_CLIENTS_CPP_PORT_SYNTAX_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::client {

// 0 to 65535 in decimal digits alone.
std::optional<uint16_t> ParsePort(absl::string_view text);

// A published port as -p writes it: [ADDR:]HOST:GUEST[/tcp|/udp]. ADDR is an
// address of the host, IPv6 in brackets; HOST 0 lets the server choose.
// InvalidArgument says in words what is wrong with `text`.
absl::StatusOr<v1::PortMapping> ParsePortMapping(absl::string_view text);

// What names a published port: [ADDR:]HOST[/tcp|/udp].
absl::StatusOr<v1::PortMapping> ParseHostPort(absl::string_view text);

// "127.0.0.1:8080->80/tcp"; the defaults of the API filled in.
std::string PortMappingText(const v1::PortMapping& port);

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_PORT_SYNTAX_H_
