#include "netsvc/worker/network_settings.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "netsvc/dns/c_ares_upstream.h"
#include "netsvc/worker/published_ports.h"

namespace sluice {
namespace {

constexpr uint16_t kDnsPort = 53;

absl::StatusOr<std::vector<IpPrefix>> ParsePrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<IpPrefix> prefixes;
  for (const std::string& text : texts) {
    const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
    if (!prefix.ok()) return prefix.status();
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

// `config`: a Configure or a SetHost.
template <typename Config>
absl::StatusOr<policy::AddressGroups::Options> OptionsOf(const Config& config, const Subnet& subnet) {
  policy::AddressGroups::Options options;
  options.gateway = {IpPrefix(subnet.ipv4.gateway, 32), IpPrefix(subnet.ipv4.dns, 32), subnet.ipv6.prefix};
  absl::StatusOr<std::vector<IpPrefix>> extra = ParsePrefixes(config.extra_host_cidrs());
  if (!extra.ok()) return extra.status();
  options.extra_host = *std::move(extra);
  absl::StatusOr<std::vector<IpPrefix>> nat64 = ParsePrefixes(config.nat64_prefixes());
  if (!nat64.ok()) return nat64.status();
  options.nat64 = *std::move(nat64);
  return options;
}

// Descriptors that are not the host stack's: DNS, pings, the log, the server, and
// duplicates of published ports.
constexpr size_t kOtherDescriptors = 512 + PublishedPorts::kMaxPorts;

size_t MaxSockets() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return kOtherDescriptors;
  return files.rlim_cur > 2 * kOtherDescriptors ? files.rlim_cur - kOtherDescriptors : kOtherDescriptors;
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> ParseServers(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<Endpoint> servers;
  for (const std::string& text : texts) {
    const std::optional<IpAddress> address = IpAddress::Parse(text);
    const std::optional<Endpoint> server = address ? Endpoint{*address, kDnsPort} : Endpoint::Parse(text);
    if (!server) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no IP or IP:PORT"));
    servers.push_back(*server);
  }
  return servers;
}

absl::Duration QueryTimeoutOf(const v1::DnsConfig& dns) {
  if (!dns.has_query_timeout()) return dns::CAresUpstream::Options().query_timeout;
  return absl::Seconds(dns.query_timeout().seconds()) + absl::Nanoseconds(dns.query_timeout().nanos());
}

size_t MaxFlowsOf(const v1::NetworkLimits& limits) {
  return limits.max_flows() == 0 ? kDefaultMaxFlows : limits.max_flows();
}

audit::LogWriter::Retention RetentionOf(const internal::v1::AuditOptions& audit) {
  audit::LogWriter::Retention retention;
  if (audit.max_bytes() != 0) retention.total_bytes = audit.max_bytes();
  if (audit.max_age_seconds() != 0) retention.max_age = absl::Seconds(audit.max_age_seconds());
  // Whole segments are removed: small logs have small ones.
  retention.segment_bytes = std::min(retention.segment_bytes, retention.total_bytes / 8);
  return retention;
}

AuditTrail::OnFailure OnFailureOf(const internal::v1::AuditOptions& audit) {
  return audit.go_on_unwritten() ? AuditTrail::OnFailure::kCount : AuditTrail::OnFailure::kDeny;
}

absl::StatusOr<policy::AddressGroups::Options> GroupOptions(const internal::v1::Configure& config,
                                                            const Subnet& subnet) {
  return OptionsOf(config, subnet);
}

absl::StatusOr<policy::AddressGroups::Options> GroupOptions(const internal::v1::SetHost& host, const Subnet& subnet) {
  return OptionsOf(host, subnet);
}

SlirpStack::Options StackOptions(const Subnet& subnet, const std::string& service_path) {
  return {.ipv4_subnet = subnet.ipv4.prefix,
          .ipv4_gateway = subnet.ipv4.gateway,
          .ipv4_dns = subnet.ipv4.dns,
          .ipv4_guest = subnet.ipv4.guest,
          .ipv6_subnet = subnet.ipv6.prefix,
          .ipv6_gateway = subnet.ipv6.gateway,
          .ipv6_dns = subnet.ipv6.dns,
          .local_service = subnet.dns_service,
          .local_service_path = service_path,
          .max_sockets = MaxSockets()};
}

}  // namespace sluice
