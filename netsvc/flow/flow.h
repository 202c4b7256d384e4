#ifndef SLUICE_NETSVC_FLOW_FLOW_H_
#define SLUICE_NETSVC_FLOW_FLOW_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/flow/held_datagrams.h"
#include "netsvc/flow/held_stream.h"
#include "netsvc/flow/tcp_tracker.h"
#include "netsvc/policy/verdict.h"
#include "sluice/v1/audit.pb.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::flow {

// What tells one flow from another. For ICMP echo the identifier is the guest's
// port, and the remote port is 0.
struct FlowKey {
  v1::Protocol protocol = v1::PROTOCOL_UNSPECIFIED;
  Endpoint guest;
  Endpoint remote;

  friend bool operator==(const FlowKey&, const FlowKey&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const FlowKey& k) {
    return H::combine(std::move(h), k.protocol, k.guest, k.remote);
  }
};

// Who answers for the remote.
enum class Handler : uint8_t {
  kStack,  // a socket of the host stack
  kDns,    // the interceptor, over TCP through the host stack
  kEcho,   // a ping socket
};

// One flow of the guest's, from the packet that opened it to its end. Owned by
// the FlowTable.
struct Flow {
  static constexpr size_t kMaxNames = 16;

  uint64_t id = 0;  // unique within the sandbox's worker, from 1
  v1::Direction direction = v1::DIRECTION_EGRESS;
  Handler handler = Handler::kStack;
  // As the guest sees it.
  FlowKey guest_side;
  // As the host stack sees it: other addresses where the gateway stands in for
  // the remote or the guest, the same as guest_side everywhere else.
  FlowKey host_side;

  // Of the policy when it opened; `rule_id` is its own copy.
  v1::Action action = v1::ACTION_UNSPECIFIED;
  v1::Verdict::Reason reason = v1::Verdict::REASON_UNSPECIFIED;
  std::string rule_id;

  // Names that the sandbox had resolved to the remote when it opened, at most
  // kMaxNames.
  std::vector<DomainName> names;
  // Of its first bytes: TLS's server name, or HTTP's host.
  std::optional<DomainName> server_name;
  // What the guest sends has yet to say whom it is for, and does not leave before;
  // QUIC is asked with every datagram. What is held: of TCP, of UDP.
  bool undecided = false;
  std::unique_ptr<HeldStream> held;
  std::unique_ptr<HeldDatagrams> held_datagrams;

  // Monotonic.
  absl::Duration opened;
  absl::Duration last_active;
  absl::Duration last_told;  // when an event spoke of it
  // Transport payload.
  uint64_t bytes_to_remote = 0;
  uint64_t bytes_to_guest = 0;
  TcpTracker tcp;
  // Of the guest's SYN or SYN-ACK: what a segment to it may carry.
  uint16_t guest_segment_size = 0;
  // The host stack's, -1 where it has none (any more).
  int socket = -1;
  // Sequence of the event that says it opened: its frames wait for it.
  uint64_t opened_sequence = 0;
  // Over, and kept a while for what is still on its way.
  bool ended = false;

  void DropHeld() {
    held.reset();
    held_datagrams.reset();
  }
  policy::Verdict verdict() const { return {action, reason, rule_id}; }
  bool translated() const { return !(guest_side == host_side); }
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_FLOW_H_
