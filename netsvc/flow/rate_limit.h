#ifndef SLUICE_NETSVC_FLOW_RATE_LIMIT_H_
#define SLUICE_NETSVC_FLOW_RATE_LIMIT_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "netsvc/flow/token_bucket.h"

namespace sluice::flow {

// What a frame counts for: as many packets as it is on the wire of a link with
// the guest's MTU, and their bytes, Ethernet headers included.
struct FrameCost {
  uint64_t packets = 1;
  uint64_t bytes = 0;
};

// Bytes and packets a second in one direction. A value; one thread.
class RateLimit {
 public:
  // No limit.
  RateLimit() = default;
  // 0: no limit.
  RateLimit(uint64_t bytes_per_second, uint64_t packets_per_second)
      : bytes_(bytes_per_second), packets_(packets_per_second) {}

  bool limited() const { return bytes_.limited() || packets_.limited(); }
  // As TokenBucket.
  absl::Duration Wait(absl::Duration now) const { return std::max(bytes_.Wait(now), packets_.Wait(now)); }
  void Take(const FrameCost& cost, absl::Duration now) {
    bytes_.Take(cost.bytes, now);
    packets_.Take(cost.packets, now);
  }

 private:
  TokenBucket bytes_;
  TokenBucket packets_;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_RATE_LIMIT_H_
