#ifndef SLUICE_NETSVC_WORKER_NETWORK_SETTINGS_H_
#define SLUICE_NETSVC_WORKER_NETWORK_SETTINGS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/slirp/slirp_stack.h"
#include "netsvc/worker/audit_trail.h"
#include "netsvc/worker/subnet.h"
#include "sluice/internal/v1/worker.pb.h"

// What the server's messages mean to the parts of a SandboxNetwork.

namespace sluice {

inline constexpr size_t kDefaultMaxFlows = 16'384;

// "IP", of port 53, or "IP:PORT" each. InvalidArgument.
absl::StatusOr<std::vector<Endpoint>> ParseServers(const google::protobuf::RepeatedPtrField<std::string>& texts);

absl::Duration QueryTimeoutOf(const v1::DnsConfig& dns);
size_t MaxFlowsOf(const v1::NetworkLimits& limits);
audit::LogWriter::Retention RetentionOf(const internal::v1::AuditOptions& audit);
AuditTrail::OnFailure OnFailureOf(const internal::v1::AuditOptions& audit);

// InvalidArgument where a prefix is none.
absl::StatusOr<policy::AddressGroups::Options> GroupOptions(const internal::v1::Configure& config,
                                                            const Subnet& subnet);
absl::StatusOr<policy::AddressGroups::Options> GroupOptions(const internal::v1::SetHost& host, const Subnet& subnet);

// `service_path`: the socket of the DNS service.
SlirpStack::Options StackOptions(const Subnet& subnet, const std::string& service_path);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_NETWORK_SETTINGS_H_
