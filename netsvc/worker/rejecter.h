#ifndef SLUICE_NETSVC_WORKER_REJECTER_H_
#define SLUICE_NETSVC_WORKER_REJECTER_H_

#include "netsvc/packet/packet.h"
#include "netsvc/policy/judge.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// Tells the guest that its packet went nowhere, or nothing at all where the
// policy says DROP. One thread.
class Rejecter {
 public:
  Rejecter(GuestLink& link, const Subnet& subnet, const policy::Judge& judge)
      : link_(link), subnet_(subnet), judge_(judge) {}

  // RST to a TCP segment, "administratively prohibited" to everything else.
  void Reject(const packet::Packet& packet);
  // "Network unreachable": the host has no way to there.
  void RejectUnreachable(const packet::Packet& packet);

 private:
  GuestLink& link_;
  const Subnet& subnet_;
  const policy::Judge& judge_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_REJECTER_H_
