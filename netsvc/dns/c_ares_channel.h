#ifndef SLUICE_NETSVC_DNS_C_ARES_CHANNEL_H_
#define SLUICE_NETSVC_DNS_C_ARES_CHANNEL_H_

#include <ares.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// One c-ares channel on the event loop: its sockets, its time-outs. A channel
// has one socket for each server that it asks, so all its queries come from the
// same port until its sockets are renewed. Owned by the CAresUpstream; the loop's
// thread. Neither destroyed nor renewed from within `done`.
class CAresChannel {
 public:
  struct Options {
    std::vector<Endpoint> servers;
    // Of one try; c-ares doubles it with every round of the servers.
    absl::Duration timeout;
    int rounds = 1;
  };

  // Runs once for each query, within Send or later; not when the channel is
  // destroyed. The answer's bytes live for the call.
  using Done = std::function<void(absl::StatusOr<std::span<const uint8_t>> answer)>;

  // Reads no file: all that c-ares would look up is given.
  static absl::StatusOr<std::unique_ptr<CAresChannel>> Create(EventLoop& loop, const Options& options);
  ~CAresChannel();
  CAresChannel(const CAresChannel&) = delete;
  CAresChannel& operator=(const CAresChannel&) = delete;

  // A whole query; its OPT record, if any, last and without options.
  void Send(std::span<const uint8_t> query, Done done);

  // Closes the sockets: what is sent next leaves from others, whose ports the
  // kernel chooses. Only where nothing is in flight. An error leaves a channel that
  // is of no use.
  absl::Status Renew();

  int in_flight() const { return in_flight_; }
  // Queries sent from the sockets that are open now.
  int sent() const { return sent_; }
  // When the first of them was; monotonic.
  absl::Duration first_sent() const { return first_sent_; }

 private:
  struct Sent {
    CAresChannel& channel;
    Done done;
  };

  CAresChannel(EventLoop& loop, std::vector<Endpoint> servers) : loop_(loop), servers_(std::move(servers)) {}
  static void OnSocketState(void* self, ares_socket_t socket, int readable, int writable);
  static void OnDone(void* sent, int status, int timeouts, unsigned char* answer, int size);
  void Process(ares_socket_t readable, ares_socket_t writable);
  void ArmTimer();

  EventLoop& loop_;
  const std::vector<Endpoint> servers_;
  ares_channel channel_ = nullptr;
  int in_flight_ = 0;
  int sent_ = 0;
  absl::Duration first_sent_;
  std::map<ares_socket_t, std::unique_ptr<EventLoop::Handle>> watches_;
  absl::Duration timer_deadline_;
  std::unique_ptr<EventLoop::Handle> timer_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_C_ARES_CHANNEL_H_
