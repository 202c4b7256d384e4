#include "netsvc/flow/held_stream.h"

namespace sluice::flow {

HeldStream::Added HeldStream::Add(const packet::Packet& segment) {
  std::span<const uint8_t> payload = segment.payload();
  // RFC 9293 section 3.4: modulo 2^32. How much of it is there already.
  const int32_t known = static_cast<int32_t>(next() - segment.sequence);
  const bool fin = (segment.tcp_flags & packet::kFin) != 0;
  if (finished_ || known < 0 || static_cast<size_t>(known) > payload.size()) return Added::kNothing;
  payload = payload.subspan(static_cast<size_t>(known));
  if (payload.empty() && !fin) return Added::kNothing;
  if (++segments_ > kMaxSegments || budget_.bytes + payload.size() > HoldBudget::kMaxBytes) return Added::kNoRoom;
  budget_.bytes += payload.size();
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
  finished_ = fin;
  return Added::kSomething;
}

}  // namespace sluice::flow
