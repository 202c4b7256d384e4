#include "clients/cli/traffic.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

using Json = nlohmann::ordered_json;
using RemoteKey = std::tuple<std::string, uint32_t>;

double Rate(uint64_t before, uint64_t now, double seconds) {
  return now > before ? static_cast<double>(now - before) / seconds : 0;
}

TrafficRates RatesOf(const v1::GetNetworkStatsResponse& before, const v1::GetNetworkStatsResponse& now, double seconds) {
  return {.to_remote = Rate(before.bytes_to_remote(), now.bytes_to_remote(), seconds),
          .to_guest = Rate(before.bytes_to_guest(), now.bytes_to_guest(), seconds),
          .opened = Rate(before.flows_opened(), now.flows_opened(), seconds),
          .denied = Rate(before.flows_denied(), now.flows_denied(), seconds),
          .queries = Rate(before.dns_queries(), now.dns_queries(), seconds),
          .queries_denied = Rate(before.dns_denied(), now.dns_denied(), seconds)};
}

void AddRemotes(const v1::GetNetworkStatsResponse& before, const TrafficSample& now, double seconds, Traffic& traffic) {
  std::map<RemoteKey, const v1::RemoteStats*> earlier;
  for (const v1::RemoteStats& remote : before.remotes()) earlier[{remote.address(), remote.port()}] = &remote;
  for (const v1::RemoteStats& remote : now.stats.remotes()) {
    const auto found = earlier.find({remote.address(), remote.port()});
    const v1::RemoteStats& start = found == earlier.end() ? v1::RemoteStats::default_instance() : *found->second;
    traffic.remotes.push_back(
        {.sandbox = now.id,
         .remote = remote,
         .rates = {.to_remote = Rate(start.bytes_to_remote(), remote.bytes_to_remote(), seconds),
                   .to_guest = Rate(start.bytes_to_guest(), remote.bytes_to_guest(), seconds)}});
  }
}

template <typename Rated>
bool CarriesMore(const Rated& a, const Rated& b) {
  return a.rates.bytes() > b.rates.bytes();
}

Json RatesJson(const TrafficRates& rates) {
  return {{"bytes_to_remote", rates.to_remote},
          {"bytes_to_guest", rates.to_guest},
          {"flows_opened", rates.opened},
          {"flows_denied", rates.denied},
          {"dns_queries", rates.queries},
          {"dns_denied", rates.queries_denied}};
}

Json SandboxJson(const SandboxTraffic& sandbox) {
  const v1::GetNetworkStatsResponse& stats = sandbox.now.stats;
  return {{"id", sandbox.now.id},
          {"state", EnumWord(sandbox.now.state)},
          {"flows_open", stats.flows_open()},
          {"flows_opened", stats.flows_opened()},
          {"flows_denied", stats.flows_denied()},
          {"bytes_to_remote", stats.bytes_to_remote()},
          {"bytes_to_guest", stats.bytes_to_guest()},
          {"dns_queries", stats.dns_queries()},
          {"dns_denied", stats.dns_denied()},
          {"per_second", RatesJson(sandbox.rates)}};
}

Json RemoteJson(const RemoteTraffic& traffic) {
  return {{"sandbox", traffic.sandbox},
          {"address", traffic.remote.address()},
          {"port", traffic.remote.port()},
          {"name", traffic.remote.name()},
          {"flows", traffic.remote.flows()},
          {"bytes_to_remote", traffic.remote.bytes_to_remote()},
          {"bytes_to_guest", traffic.remote.bytes_to_guest()},
          {"per_second",
           {{"bytes_to_remote", traffic.rates.to_remote}, {"bytes_to_guest", traffic.rates.to_guest}}}};
}

}  // namespace

TrafficRates& TrafficRates::operator+=(const TrafficRates& more) {
  to_remote += more.to_remote;
  to_guest += more.to_guest;
  opened += more.opened;
  denied += more.denied;
  queries += more.queries;
  queries_denied += more.queries_denied;
  return *this;
}

Traffic Between(const TrafficSnapshot& before, const TrafficSnapshot& now) {
  const double seconds = std::max(absl::ToDoubleSeconds(now.time - before.time), 0.001);
  std::map<std::string, const TrafficSample*> earlier;
  for (const TrafficSample& sample : before.sandboxes) earlier[sample.id] = &sample;
  Traffic traffic{.time = now.time, .sandboxes = {}, .remotes = {}, .total = {}};
  for (const TrafficSample& sample : now.sandboxes) {
    const auto found = earlier.find(sample.id);
    const v1::GetNetworkStatsResponse& start = found == earlier.end() ? sample.stats : found->second->stats;
    const TrafficRates rates = RatesOf(start, sample.stats, seconds);
    traffic.total += rates;
    traffic.flows_open += sample.stats.flows_open();
    traffic.sandboxes.push_back({.now = sample, .rates = rates});
    AddRemotes(start, sample, seconds, traffic);
  }
  std::stable_sort(traffic.sandboxes.begin(), traffic.sandboxes.end(), CarriesMore<SandboxTraffic>);
  std::stable_sort(traffic.remotes.begin(), traffic.remotes.end(), CarriesMore<RemoteTraffic>);
  return traffic;
}

std::string TrafficJson(const Traffic& traffic) {
  Json json = {{"time", absl::FormatTime(absl::RFC3339_full, traffic.time, absl::UTCTimeZone())},
               {"flows_open", traffic.flows_open},
               {"per_second", RatesJson(traffic.total)},
               {"sandboxes", Json::array()},
               {"remotes", Json::array()}};
  for (const SandboxTraffic& sandbox : traffic.sandboxes) json["sandboxes"].push_back(SandboxJson(sandbox));
  for (const RemoteTraffic& remote : traffic.remotes) json["remotes"].push_back(RemoteJson(remote));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::cli
