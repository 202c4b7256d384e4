#ifndef SLUICE_SERVER_CORE_PORT_VALIDATION_H_
#define SLUICE_SERVER_CORE_PORT_VALIDATION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

inline constexpr int kMaxPorts = 256;  // published ports of one sandbox

// A port to be published, with its defaults filled in (TCP, 127.0.0.1, the
// address in canonical form). FieldError with paths that begin with `field`.
absl::StatusOr<v1::PortMapping> CheckPort(absl::string_view field, const v1::PortMapping& port);

// What names a published port: protocol, host_address and host_port, the same
// way. The result has no guest_port.
absl::StatusOr<v1::PortMapping> CheckPortName(absl::string_view field, const v1::PortMapping& port);

// Checks and completes every port of a request, in place. FieldError also for
// more than kMaxPorts and for one host port twice.
absl::Status CheckPorts(absl::string_view field, google::protobuf::RepeatedPtrField<v1::PortMapping>& ports);

// Do both name the same host port? Both come from CheckPort or CheckPortName.
bool SameHostPort(const v1::PortMapping& a, const v1::PortMapping& b);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_PORT_VALIDATION_H_
