#ifndef SLUICE_NETSVC_FLOW_ECHO_SOCKET_H_
#define SLUICE_NETSVC_FLOW_ECHO_SOCKET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::flow {

// ICMP or ICMPv6 echo to one remote, through an unprivileged ping socket of the
// host's (Linux: net.ipv4.ping_group_range). One thread, the loop's.
class EchoSocket {
 public:
  class Delegate {
   public:
    virtual ~Delegate() = default;
    virtual void OnEchoReply(uint16_t sequence, std::span<const uint8_t> payload) = 0;
    // An ICMP error came back about the request with this sequence. `type`,
    // `code` and `info` (the next hop's MTU) are those of the remote's family.
    virtual void OnEchoError(const IpAddress& offender, uint8_t type, uint8_t code, uint32_t info,
                             uint16_t sequence) = 0;
  };

  // PermissionDenied where the host has ping sockets switched off, ResourceExhausted
  // where there is no socket to spare, Unavailable where there is no route.
  // `delegate` outlives the socket.
  static absl::StatusOr<std::unique_ptr<EchoSocket>> Open(EventLoop& loop, const IpAddress& remote,
                                                          Delegate& delegate);

  // A request that cannot be sent is lost, as on any network.
  void Send(uint16_t sequence, std::span<const uint8_t> payload);

 private:
  EchoSocket(EventLoop& loop, UniqueFd socket, bool ipv6, Delegate& delegate);
  void OnReady();
  bool ReadReply();
  bool ReadError();

  UniqueFd socket_;
  const bool ipv6_;
  Delegate& delegate_;
  std::unique_ptr<EventLoop::Handle> watch_;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_ECHO_SOCKET_H_
