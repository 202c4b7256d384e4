#include "netsvc/worker/draining_sockets.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <utility>

namespace sluice {
namespace {

// Of a TCP socket, the FIN included: bytes that the remote has not acknowledged
// (SIOCOUTQ), or that were never sent (SIOCOUTQNSD).
int Queued(int socket, unsigned long which) {
  int bytes = 0;
  return ioctl(socket, which, &bytes) == 0 ? bytes : 0;
}
int Unacknowledged(int socket) { return Queued(socket, SIOCOUTQ); }

flow::Flow WhatIsJudged(const flow::Flow& flow) {
  flow::Flow copy;
  copy.direction = flow.direction;
  copy.guest_side = flow.guest_side;
  copy.host_side = flow.host_side;
  copy.names = flow.names;
  copy.server_name = flow.server_name;
  return copy;
}

// More than a FIN, which says nothing.
bool HasData(int socket) { return Unacknowledged(socket) > 1; }

}  // namespace

bool DrainingSockets::OnFlowOver(const flow::Flow& flow, absl::Duration now) {
  const bool sends_on = flow.handler == flow::Handler::kStack && flow.socket >= 0 && !flow.tcp.reset_by_guest();
  if (!sends_on || !HasData(flow.socket)) return false;
  Hold(flow, flow.socket, now);
  return true;
}

void DrainingSockets::OnSocketClosed(int socket, const flow::Flow* flow, absl::Duration now) {
  if (flow != nullptr) OnFlowOver(*flow, now);
  for (Socket& held : sockets_) {
    if (held.stack_socket == socket) held.stack_socket = -1;
  }
}

void DrainingSockets::Hold(const flow::Flow& flow, int socket, absl::Duration now) {
  UniqueFd duplicate(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!duplicate.valid()) {
    // What cannot be ended later must not go on.
    stack_.Abort(socket);
    return;
  }
  if (sockets_.size() == kMaxSockets) {
    if (Queued(sockets_.front().duplicate.get(), SIOCOUTQNSD) > 0) Reset(sockets_.front());
    sockets_.pop_front();
  }
  ++counters_.held;
  sockets_.push_back({WhatIsJudged(flow), std::move(duplicate), socket, Unacknowledged(socket), now});
}

void DrainingSockets::Reset(Socket& socket) {
  ++counters_.reset;
  if (socket.stack_socket >= 0) stack_.Abort(socket.stack_socket);
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket.duplicate.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  socket.duplicate.reset();
}

void DrainingSockets::ResetIf(const std::function<bool(const flow::Flow& flow)>& denies) {
  sockets_.remove_if([&](Socket& socket) {
    if (!denies(socket.flow)) return false;
    Reset(socket);
    return true;
  });
}

void DrainingSockets::Sweep(absl::Duration now) {
  sockets_.remove_if([&](Socket& socket) {
    const int queued = Unacknowledged(socket.duplicate.get());
    if (queued < std::exchange(socket.queued, queued)) socket.last_progress = now;
    // The stack writes whenever there is room: what is empty stays so.
    if (queued <= 1) return true;
    if (now - socket.last_progress < kStallTimeout) return false;
    Reset(socket);
    return true;
  });
}

}  // namespace sluice
