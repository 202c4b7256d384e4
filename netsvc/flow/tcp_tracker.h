#ifndef SLUICE_NETSVC_FLOW_TCP_TRACKER_H_
#define SLUICE_NETSVC_FLOW_TCP_TRACKER_H_

#include <cstdint>

#include "netsvc/packet/packet.h"

namespace sluice::flow {

// Follows a TCP connection from outside: far enough to know when it is over, and
// to end it with segments that both sides accept. A value.
class TcpTracker {
 public:
  enum class State : uint8_t {
    kOpening,      // not yet acknowledged both ways
    kEstablished,
    kHalfClosed,   // one side has sent its FIN
    kFinished,     // both FINs sent and acknowledged
    kReset,
  };

  // A segment that the guest sent, or that was sent to it.
  void OnGuestSegment(const packet::Packet& packet) { OnSegment(packet, guest_, remote_); }
  void OnRemoteSegment(const packet::Packet& packet) { OnSegment(packet, remote_, guest_); }

  State state() const;
  bool over() const { return state() == State::kFinished || state() == State::kReset; }
  bool reset_by_guest() const { return guest_.reset; }

  // The remote has acknowledged something of the guest's: its SYN at least.
  bool answered() const { return remote_.acknowledged; }
  // Past the last byte that was sent to the guest.
  uint32_t sent_by_remote() const { return remote_.next; }

  // The sequence number that each side expects to be next from the other (RFC
  // 9293's RCV.NXT), as far as was seen.
  uint32_t next_from_guest() const { return remote_.acknowledged ? remote_.acknowledgment : guest_.next; }
  uint32_t next_from_remote() const { return guest_.acknowledged ? guest_.acknowledgment : remote_.next; }

 private:
  struct Side {
    uint32_t next = 0;            // past the last byte sent
    uint32_t acknowledgment = 0;  // what it last acknowledged of the other
    bool seen = false;
    bool acknowledged = false;
    bool fin = false;
    uint32_t fin_end = 0;  // sequence past the FIN
    bool fin_acknowledged = false;
    bool reset = false;
  };

  static void OnSegment(const packet::Packet& packet, Side& from, Side& to);

  Side guest_;
  Side remote_;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_TCP_TRACKER_H_
