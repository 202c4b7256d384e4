#include "server/core/worker_config.h"

#include <optional>
#include <string>

#include "server/core/audit_retention.h"
#include "server/core/nameserver.h"

namespace sluice {
namespace {

// A worker reads "IP:PORT" alone.
v1::DnsConfig WithPorts(v1::DnsConfig dns) {
  for (std::string& server : *dns.mutable_nameservers()) {
    if (const std::optional<Endpoint> endpoint = ParseNameserver(server)) server = endpoint->ToString();
  }
  return dns;
}

// `to`: a Configure or a SetHost.
template <typename Message>
void FillHost(const HostNetwork& host, Message& to) {
  for (const Endpoint& listener : host.control_plane) to.add_control_plane(listener.ToString());
  for (const IpPrefix& prefix : host.extra_host_cidrs) to.add_extra_host_cidrs(prefix.ToString());
  for (const IpPrefix& prefix : host.nat64_prefixes) to.add_nat64_prefixes(prefix.ToString());
}

}  // namespace

internal::v1::Configure MakeWorkerConfig(const v1::Sandbox& sandbox, const InterfacePlan& plan,
                                         const HostNetwork& host, const policy::RuleProtos& floor) {
  internal::v1::Configure config;
  config.set_sandbox_id(sandbox.id());
  config.set_sandbox_uid(sandbox.uid());
  *config.mutable_policy() = sandbox.network().policy();
  config.set_policy_generation(sandbox.network_status().policy_generation());
  *config.mutable_interface() = plan.ToWorker();
  *config.mutable_dns() = WithPorts(sandbox.network().dns());
  *config.mutable_limits() = sandbox.network().limits();
  for (const Endpoint& server : host.nameservers) config.add_nameservers(server.ToString());
  FillHost(host, config);
  *config.mutable_audit() = NarrowAudit(host.audit, sandbox.network().audit());
  *config.mutable_floor() = floor;
  return config;
}

internal::v1::SetHost MakeHostUpdate(const HostNetwork& host) {
  internal::v1::SetHost update;
  FillHost(host, update);
  return update;
}

internal::v1::UpdateNetwork MakeNetworkUpdate(const v1::NetworkConfig& network, const HostNetwork& host) {
  internal::v1::UpdateNetwork update;
  *update.mutable_dns() = WithPorts(network.dns());
  *update.mutable_limits() = network.limits();
  *update.mutable_audit() = NarrowAudit(host.audit, network.audit());
  return update;
}

}  // namespace sluice
