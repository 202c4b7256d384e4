#ifndef SLUICE_NETSVC_WORKER_HELD_PACKETS_H_
#define SLUICE_NETSVC_WORKER_HELD_PACKETS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/dns/bindings.h"
#include "netsvc/flow/flow.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"

namespace sluice {

// The first packets of flows that cannot be judged yet: they wait until the names
// of the address they go to have been resolved again. One thread, the loop's.
// Destroying it drops what waits.
class HeldPackets {
 public:
  // Flows at once, one packet each; past it a new one is refused.
  static constexpr size_t kMaxPackets = 256;
  // Then a packet goes on, whatever has been answered.
  static constexpr absl::Duration kMaxWait = absl::Seconds(2);

  struct Counters {
    uint64_t held = 0;
    uint64_t refused = 0;    // at kMaxPackets
    uint64_t repeated = 0;   // of a flow that had one waiting; dropped
    uint64_t timed_out = 0;  // went on after kMaxWait
  };

  // Resolves `name` for addresses of one family, as dns::AskOwn says.
  using Resolve = std::function<void(const DomainName& name, bool ipv6, std::function<void(bool answered)> done)>;
  // Takes a packet that need not wait any longer; what is still stale could not be
  // resolved. Never called from within Hold.
  using Release = std::function<void(packet::Packet& packet)>;

  // `bindings` outlives it.
  HeldPackets(EventLoop& loop, dns::Bindings& bindings, Resolve resolve, Release release);
  ~HeldPackets();

  // Keeps a copy of `packet`, the first of the flow `key`, and asks for `names`
  // again, once each. False: there is no room.
  bool Hold(const flow::FlowKey& key, const packet::Packet& packet, std::span<const DomainName> names);

  size_t size() const { return held_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct Held {
    std::vector<uint8_t> frame;
    size_t unanswered = 0;
    std::unique_ptr<EventLoop::Handle> timer;
  };

  void OnAnswer(const flow::FlowKey& key, const DomainName& name, bool answered);
  void LetGo(const flow::FlowKey& key);

  EventLoop& loop_;
  dns::Bindings& bindings_;
  const Resolve resolve_;
  const Release release_;
  absl::flat_hash_map<flow::FlowKey, std::shared_ptr<Held>> held_;
  Counters counters_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_HELD_PACKETS_H_
