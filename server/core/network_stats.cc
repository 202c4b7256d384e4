#include "server/core/network_stats.h"

namespace sluice {
namespace {

uint64_t Sum(const google::protobuf::RepeatedPtrField<internal::v1::ReasonCount>& counts) {
  uint64_t sum = 0;
  for (const internal::v1::ReasonCount& count : counts) sum += count.count();
  return sum;
}

}  // namespace

v1::GetNetworkStatsResponse ToNetworkStats(const internal::v1::StatsResult& stats) {
  v1::GetNetworkStatsResponse response;
  response.set_flows_open(stats.flows_open());
  response.set_flows_opened(stats.flows_opened());
  response.set_flows_denied(Sum(stats.flows_denied()));
  response.set_bytes_to_remote(stats.bytes_to_remote());
  response.set_bytes_to_guest(stats.bytes_to_guest());
  response.set_dns_denied(Sum(stats.dns_denied()));
  response.set_dns_queries(response.dns_denied() + Sum(stats.dns_allowed()));
  for (const internal::v1::RemoteBytes& from : stats.top_remotes()) {
    v1::RemoteStats& remote = *response.add_remotes();
    remote.set_address(from.remote().address());
    remote.set_port(from.remote().port());
    remote.set_name(from.name());
    remote.set_bytes_to_remote(from.bytes_to_remote());
    remote.set_bytes_to_guest(from.bytes_to_guest());
    remote.set_flows(from.flows());
  }
  return response;
}

}  // namespace sluice
