#ifndef SLUICE_NETSVC_WORKER_LINGERING_CONNECTIONS_H_
#define SLUICE_NETSVC_WORKER_LINGERING_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "netsvc/flow/flow_table.h"
#include "netsvc/loop/event_loop.h"

namespace sluice {

// Connections that are over for both sides and that the host stack keeps all the
// same: one that its remote closed first is in TIME-WAIT (RFC 9293 section 3.3.2)
// for ten seconds there, and each is looked at with every turn of the loop. They
// are ended sooner, which neither side sees. One thread.
class LingeringConnections {
 public:
  // What the stack has still to do for a connection it does in its next turn or two.
  static constexpr absl::Duration kLinger = absl::Milliseconds(100);
  // Past it the oldest is left to the stack's own timer.
  static constexpr size_t kMaxConnections = 16384;

  // `end` makes the stack forget a flow, which has ended. `loop` and `flows` outlive
  // this.
  LingeringConnections(EventLoop& loop, flow::FlowTable& flows, std::function<void(const flow::Flow&)> end)
      : loop_(loop), flows_(flows), end_(std::move(end)) {}

  // `flow` is over, and its socket still the stack's, with nothing to send.
  void Add(const flow::Flow& flow);

  size_t size() const { return connections_.size(); }
  uint64_t left() const { return left_; }

 private:
  struct Connection {
    flow::FlowKey host_side;
    uint64_t id;  // of the flow
    absl::Duration due;
  };

  void EndDue();
  void WaitForNext();

  EventLoop& loop_;
  flow::FlowTable& flows_;
  const std::function<void(const flow::Flow&)> end_;
  std::deque<Connection> connections_;  // the first due first
  uint64_t left_ = 0;  // to the stack's own timer
  std::unique_ptr<EventLoop::Handle> timer_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_LINGERING_CONNECTIONS_H_
