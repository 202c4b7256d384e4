#ifndef SLUICE_NETSVC_SLIRP_HOST_STACK_H_
#define SLUICE_NETSVC_SLIRP_HOST_STACK_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// What turns the guest's allowed frames into the host's sockets, and back: the
// seam between the gateway and libslirp. One thread.
class HostStack {
 public:
  // Called from within Input and the stack's turn of the loop. Must not call the
  // stack back before it has returned.
  class Delegate {
   public:
    virtual ~Delegate() = default;
    // A frame for the guest. May be changed in place; gone after the call.
    virtual void OnFrame(std::span<uint8_t> frame) = 0;
    // A connection to a listener was accepted; its first frame comes later.
    virtual void OnAccepted(int socket) = 0;
    // The stack is about to close this socket.
    virtual void OnSocketClosed(int socket) = 0;
    // Of the loop: no frame comes before the next.
    virtual void OnTurnEnd() = 0;
  };

  virtual ~HostStack() = default;

  virtual void SetDelegate(Delegate* delegate) = 0;

  // One frame of the guest's. Returns the socket that it made the stack open for
  // it (still connecting, where it is a SYN), -1 where it opened none. The socket
  // stays the stack's.
  virtual int Input(std::span<const uint8_t> frame) = 0;

  // No room for another socket: nothing may come in that needs one.
  virtual bool full() const = 0;

  // Ends a TCP socket so that nothing queued on it still leaves: the far side
  // gets a RST at once. The stack itself sees its connection fail.
  virtual void Abort(int socket) = 0;

  // Serves `socket` (listening TCP, or bound UDP) on behalf of `guest`, an
  // address and port of the guest's side that no other listener has; its family
  // is the socket's.
  virtual absl::Status AddListener(bool udp, UniqueFd socket, const Endpoint& guest) = 0;
  // Closes the listener of that guest endpoint. Its connections go on. NotFound;
  // after any other error it serves nobody, but room is lost.
  virtual absl::Status RemoveListener(bool udp, const Endpoint& guest) = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_SLIRP_HOST_STACK_H_
