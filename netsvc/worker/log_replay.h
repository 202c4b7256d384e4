#ifndef SLUICE_NETSVC_WORKER_LOG_REPLAY_H_
#define SLUICE_NETSVC_WORKER_LOG_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "netsvc/dns/bindings.h"

namespace sluice {

// How far back a log is read, where it does not hold more than kMaxReplayed
// events since; else for a part of that.
inline constexpr absl::Duration kReplayAge = absl::Hours(1);
inline constexpr size_t kMaxReplayed = 100'000;
// A flow of which the log says nothing for so long is not open: a PROGRESS event
// comes every minute (netsvc/worker/gateway.cc).
inline constexpr absl::Duration kSilence = absl::Minutes(3);

struct Replay {
  // Of the flows that the last worker left open, in their order.
  std::vector<uint64_t> open_flows;
};

// Binds what the audit log in `directory` (open) says that the sandbox resolved
// before its worker was replaced, each pair for what is left of its time. Best
// effort: what cannot be read is not bound, and flows to it wait for a new answer
// of the guest's own asking. Reads the whole of it: some 0.2 s at most.
Replay ReplayLog(int directory, const Clock& clock, dns::Bindings& bindings);

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_LOG_REPLAY_H_
