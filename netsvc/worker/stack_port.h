#ifndef SLUICE_NETSVC_WORKER_STACK_PORT_H_
#define SLUICE_NETSVC_WORKER_STACK_PORT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "netsvc/flow/flow.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"
#include "netsvc/slirp/host_stack.h"

namespace sluice {

// The gateway's side of the host stack: a flow's packets change here between the
// guest's view and the stack's (addresses, family, size), and TCP flows are tied
// to the stack's sockets. One thread.
class StackPort {
 public:
  // The largest IPv6 packet that the stack takes, and the TCP payload of it.
  static constexpr size_t kMaxIpv6Packet = 16424;

  explicit StackPort(HostStack& stack) : stack_(stack) {}

  // A packet of the guest's, to the stack. True where the stack opened a socket
  // for the flow, a TCP flow, and it is tied to it.
  bool Send(flow::Flow& flow, packet::Packet& packet);

  // A frame of our own, to the stack, once it is not the one that is calling.
  void SendLater(EventLoop& loop, std::span<const uint8_t> frame);

  // Ties a TCP flow to the stack's socket for it.
  void Tie(flow::Flow& flow, int socket);
  // The flow is over; its socket is the stack's alone.
  void Untie(flow::Flow& flow);
  // HostStack::Abort for the flow's socket, where it has one.
  void Abort(const flow::Flow& flow);
  void OnSocketClosed(int socket);
  // Whose socket it is; nullptr.
  flow::Flow* FlowOf(int socket) const;

  // A packet of the stack's, as the guest is to see it: in place, or a copy that
  // lives until the next call.
  packet::Packet& ToGuestSide(const flow::Flow& flow, packet::Packet& packet);

 private:
  int Input(const flow::Flow& flow, packet::Packet& packet);
  int InputSegmented(const packet::Packet& packet);

  HostStack& stack_;
  // The flow of each of the stack's sockets, by descriptor.
  std::vector<flow::Flow*> by_socket_;
  // Packets whose headers change size.
  std::vector<uint8_t> scratch_;
  packet::Packet translated_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_STACK_PORT_H_
