#ifndef SLUICE_NETSVC_WORKER_DRAINING_SOCKETS_H_
#define SLUICE_NETSVC_WORKER_DRAINING_SOCKETS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>

#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/flow/flow.h"
#include "netsvc/slirp/host_stack.h"

namespace sluice {

// The host's sockets of TCP flows that both sides have closed, while they still
// have something of the guest's to send: a remote that reads slowly may take
// minutes. So that a policy can end these too, each is held by a duplicate of its
// descriptor until all of it was acknowledged. One thread.
class DrainingSockets {
 public:
  // Held at once; past it the oldest is let go, and reset where it has something
  // that it never sent.
  static constexpr size_t kMaxSockets = 1024;
  // Without a byte acknowledged; past it the socket is reset. As for a half-closed
  // flow.
  static constexpr absl::Duration kStallTimeout = absl::Minutes(2);

  struct Counters {
    uint64_t held = 0;
    uint64_t reset = 0;  // of those held
  };

  explicit DrainingSockets(HostStack& stack) : stack_(stack) {}

  // `flow` is over, and its socket still the stack's. Nothing is held of one that
  // the guest reset. True where the socket has something to send.
  bool OnFlowOver(const flow::Flow& flow, absl::Duration now);
  // The stack is about to close `socket`; `flow`: whose it is, nullptr where that
  // is over.
  void OnSocketClosed(int socket, const flow::Flow* flow, absl::Duration now);

  // Resets the sockets of the flows that `denies`.
  void ResetIf(const std::function<bool(const flow::Flow& flow)>& denies);
  // Lets go of what has been sent; to be called every second or so.
  void Sweep(absl::Duration now);

  size_t size() const { return sockets_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct Socket {
    flow::Flow flow;   // of what it was, all that it is judged by
    UniqueFd duplicate;
    int stack_socket;  // -1: the stack has closed it
    int queued;        // bytes that are not acknowledged
    absl::Duration last_progress;
  };

  void Hold(const flow::Flow& flow, int socket, absl::Duration now);
  void Reset(Socket& socket);

  HostStack& stack_;
  std::list<Socket> sockets_;  // the oldest first
  Counters counters_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_DRAINING_SOCKETS_H_
