#ifndef SLUICE_NETSVC_FLOW_FLOW_TABLE_H_
#define SLUICE_NETSVC_FLOW_FLOW_TABLE_H_

#include <array>
#include <functional>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "netsvc/flow/flow.h"

namespace sluice::flow {

// How long a flow may be silent (docs/policy.md, "Limits").
inline constexpr absl::Duration kTcpOpeningTimeout = absl::Minutes(2);
inline constexpr absl::Duration kTcpEstablishedTimeout = absl::Hours(2);
inline constexpr absl::Duration kTcpHalfClosedTimeout = absl::Minutes(2);
inline constexpr absl::Duration kUdpTimeout = absl::Seconds(60);
inline constexpr absl::Duration kIcmpTimeout = absl::Seconds(30);
// How exactly the time of a flow's last packet is known: what passes often need
// not be sorted anew each time.
inline constexpr absl::Duration kTouchGrain = absl::Milliseconds(100);
// An ended flow stays known for this long, so that its last segments, sent again,
// meet it and not a verdict.
inline constexpr absl::Duration kEndedTimeout = absl::Seconds(10);

// The flows of a sandbox, found by what the guest sees and by what the host
// stack sees. One thread. Flows stay where they are until they are removed, and
// only Sweep, Clear and Open (making room) remove.
class FlowTable {
 public:
  struct Counters {
    uint64_t opened = 0;
    uint64_t refused = 0;  // the table was full
  };

  explicit FlowTable(size_t max_flows) : max_flows_(max_flows) {}

  // Flows that are open past a lower maximum stay; no new one opens among them.
  void SetMaxFlows(size_t max_flows) { max_flows_ = max_flows; }

  Flow* FindByGuestSide(const FlowKey& key);
  Flow* FindByHostSide(const FlowKey& key);

  // A new flow, with an id of its own; nullptr when max_flows are open. Neither
  // key may belong to a flow that has not ended; an ended one gives way.
  Flow* Open(const FlowKey& guest_side, const FlowKey& host_side, absl::Duration now);

  // Something passed. Puts off its end by idleness, to kTouchGrain.
  void Touch(Flow& flow, absl::Duration now);

  // It is over: no longer counted as open, kept for kEndedTimeout.
  void MarkEnded(Flow& flow, absl::Duration now);

  // Removes ended flows whose time is out, and calls `on_idle` for each open one
  // that was silent for too long: it must end with MarkEnded.
  void Sweep(absl::Duration now, const std::function<void(Flow&)>& on_idle);

  // Every flow that has not ended. `visit` may end the flow it is given.
  void ForEachOpen(const std::function<void(Flow&)>& visit);

  // Ids go on after `last_id`, which is kept up to date from now on. Outlives it.
  // Before the first flow.
  void CountIdsIn(uint64_t& last_id) { last_id_ = &last_id; }

  size_t open_count() const { return open_count_; }
  const Counters& counters() const { return counters_; }

 private:
  // Flows of one timeout, the longest silent first.
  enum Age : uint8_t { kTcpOpening, kTcpEstablished, kTcpHalfClosed, kUdp, kIcmp, kEnded, kAgeCount };
  struct Entry : Flow {
    Age age = kUdp;
    std::list<Entry>::iterator self;
  };
  using AgeList = std::list<Entry>;

  static absl::Duration TimeoutOf(Age age);
  static Age AgeOf(const Flow& flow);
  // Every flow of the table's is one.
  static Entry& EntryOf(Flow& flow) { return static_cast<Entry&>(flow); }
  void MoveTo(Entry& entry, Age age);
  void Remove(Entry& entry);
  void MakeWay(const FlowKey& guest_side, const FlowKey& host_side);

  size_t max_flows_;
  size_t open_count_ = 0;
  uint64_t own_last_id_ = 0;
  uint64_t* last_id_ = &own_last_id_;
  Counters counters_;
  std::array<AgeList, kAgeCount> ages_;
  absl::flat_hash_map<FlowKey, Entry*> by_guest_side_;
  absl::flat_hash_map<FlowKey, Entry*> by_host_side_;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_FLOW_TABLE_H_
