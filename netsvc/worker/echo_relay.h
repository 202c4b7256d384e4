#ifndef SLUICE_NETSVC_WORKER_ECHO_RELAY_H_
#define SLUICE_NETSVC_WORKER_ECHO_RELAY_H_

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "netsvc/flow/echo_socket.h"
#include "netsvc/flow/flow.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/worker/guest_link.h"
#include "netsvc/worker/subnet.h"

namespace sluice {

// Carries the guest's pings: each echo flow has a ping socket of its own. The
// gateway's own addresses answer for themselves. One thread.
class EchoRelay {
 public:
  EchoRelay(EventLoop& loop, GuestLink& link, const Subnet& subnet, flow::FlowTable& flows);
  ~EchoRelay();

  // As EchoSocket::Open. `flow` stays open until Close.
  absl::Status Open(flow::Flow& flow);
  void Send(flow::Flow& flow, const packet::Packet& request);
  void Close(const flow::Flow& flow);

 private:
  class Session;

  void Reply(flow::Flow& flow, uint16_t sequence, std::span<const uint8_t> payload);

  EventLoop& loop_;
  GuestLink& link_;
  const Subnet& subnet_;
  flow::FlowTable& flows_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Session>> sessions_;  // by flow id
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_ECHO_RELAY_H_
