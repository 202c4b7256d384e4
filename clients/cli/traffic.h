#ifndef SLUICE_CLIENTS_CLI_TRAFFIC_H_
#define SLUICE_CLIENTS_CLI_TRAFFIC_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "sluice/v1/sandbox.pb.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice::cli {

// What a sandbox had carried at some moment.
struct TrafficSample {
  std::string id;
  v1::Sandbox::State state = v1::Sandbox::STATE_UNSPECIFIED;
  v1::GetNetworkStatsResponse stats;
};

// All sandboxes, at one moment.
struct TrafficSnapshot {
  absl::Time time;
  std::vector<TrafficSample> sandboxes;
};

// Each a second.
struct TrafficRates {
  double to_remote = 0;  // bytes
  double to_guest = 0;   // bytes
  double opened = 0;
  double denied = 0;
  double queries = 0;
  double queries_denied = 0;

  double bytes() const { return to_remote + to_guest; }
  TrafficRates& operator+=(const TrafficRates& more);
};

struct RemoteTraffic {
  std::string sandbox;
  v1::RemoteStats remote;
  TrafficRates rates;  // bytes alone
};

struct SandboxTraffic {
  TrafficSample now;
  TrafficRates rates;
};

// What happened between two snapshots; who carried most stands first.
struct Traffic {
  absl::Time time;
  std::vector<SandboxTraffic> sandboxes;
  std::vector<RemoteTraffic> remotes;
  TrafficRates total;
  uint64_t flows_open = 0;
};

// A count that fell, because its worker was replaced or a flow ended, and a sandbox
// that was not there before have no rate yet.
Traffic Between(const TrafficSnapshot& before, const TrafficSnapshot& now);

// One JSON object in one line: rates, counts and remotes of each sandbox.
std::string TrafficJson(const Traffic& traffic);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TRAFFIC_H_
