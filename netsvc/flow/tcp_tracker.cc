#include "netsvc/flow/tcp_tracker.h"

namespace sluice::flow {
namespace {

// RFC 9293 section 3.4: sequence numbers are compared modulo 2^32.
bool Before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace

void TcpTracker::OnSegment(const packet::Packet& packet, Side& from, Side& to) {
  if (packet.tcp_flags & packet::kRst) {
    from.reset = true;
    return;
  }
  const bool syn = (packet.tcp_flags & packet::kSyn) != 0;
  const bool fin = (packet.tcp_flags & packet::kFin) != 0;
  const uint32_t end = packet.sequence + static_cast<uint32_t>(packet.payload().size()) + syn + fin;
  if (!from.seen || Before(from.next, end)) from.next = end;
  from.seen = true;
  if (fin && !from.fin) {
    from.fin = true;
    from.fin_end = end;
  }
  if ((packet.tcp_flags & packet::kAck) == 0) return;
  if (!from.acknowledged || Before(from.acknowledgment, packet.acknowledgment)) {
    from.acknowledgment = packet.acknowledgment;
  }
  from.acknowledged = true;
  if (to.fin && !Before(packet.acknowledgment, to.fin_end)) to.fin_acknowledged = true;
}

TcpTracker::State TcpTracker::state() const {
  if (guest_.reset || remote_.reset) return State::kReset;
  if (guest_.fin_acknowledged && remote_.fin_acknowledged) return State::kFinished;
  if (guest_.fin || remote_.fin) return State::kHalfClosed;
  if (guest_.acknowledged && remote_.acknowledged) return State::kEstablished;
  return State::kOpening;
}

}  // namespace sluice::flow
