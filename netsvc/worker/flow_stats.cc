#include "netsvc/worker/flow_stats.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sluice {
namespace {

struct Totals {
  Endpoint remote;
  uint64_t to_remote = 0;
  uint64_t to_guest = 0;
  uint64_t flows = 0;
  const flow::Flow* named = nullptr;  // one whose name is known, if any

  uint64_t bytes() const { return to_remote + to_guest; }
};

// Of a flow that has one.
const DomainName& NameOf(const flow::Flow& flow) { return flow.server_name ? *flow.server_name : flow.names[0]; }

// The `count` with the most bytes, those first.
std::vector<Totals> TopOf(const absl::flat_hash_map<Endpoint, Totals>& by_remote, size_t count) {
  std::vector<Totals> all;
  all.reserve(by_remote.size());
  for (const auto& [remote, totals] : by_remote) all.push_back(totals);
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), all.end(),
                    [](const Totals& a, const Totals& b) { return a.bytes() > b.bytes(); });
  all.resize(count);
  return all;
}

}  // namespace

void FillFlowStats(flow::FlowTable& flows, uint32_t top_remotes, internal::v1::StatsResult& stats) {
  absl::flat_hash_map<Endpoint, Totals> by_remote;
  flows.ForEachOpen([&](const flow::Flow& flow) {
    if (flow.handler == flow::Handler::kDns) return;
    stats.set_flows_open(stats.flows_open() + 1);
    stats.set_bytes_to_remote(stats.bytes_to_remote() + flow.bytes_to_remote);
    stats.set_bytes_to_guest(stats.bytes_to_guest() + flow.bytes_to_guest);
    if (top_remotes == 0) return;
    Totals& totals = by_remote[flow.guest_side.remote];
    totals.remote = flow.guest_side.remote;
    totals.to_remote += flow.bytes_to_remote;
    totals.to_guest += flow.bytes_to_guest;
    ++totals.flows;
    if (flow.server_name || (totals.named == nullptr && !flow.names.empty())) totals.named = &flow;
  });
  for (const Totals& totals : TopOf(by_remote, std::min(top_remotes, kMaxTopRemotes))) {
    internal::v1::RemoteBytes& top = *stats.add_top_remotes();
    top.mutable_remote()->set_address(totals.remote.address.ToString());
    top.mutable_remote()->set_port(totals.remote.port);
    top.set_bytes_to_remote(totals.to_remote);
    top.set_bytes_to_guest(totals.to_guest);
    top.set_flows(totals.flows);
    if (totals.named != nullptr) top.set_name(NameOf(*totals.named).ToString());
  }
}

}  // namespace sluice
