#ifndef SLUICE_NETSVC_SLIRP_SLIRP_STACK_H_
#define SLUICE_NETSVC_SLIRP_SLIRP_STACK_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/slirp/host_stack.h"
#include "netsvc/slirp/poll_set.h"

struct Slirp;

namespace sluice {

// libslirp 4.7 as a HostStack. The only code that knows libslirp.
//
// Theory of operation. libslirp has no loop of its own: before each wait it names
// the descriptors it wants (slirp_pollfds_fill), afterwards it asks what became
// of them (slirp_pollfds_poll). This class is the loop's hook, and PollSet tells
// the loop of what changed in that list from turn to turn.
//
// libslirp calls back while it works: send_packet with a frame for the guest,
// register_poll_fd with a socket it has just made. It must not be entered again
// from there, so what the gateway wants to feed it in return waits in
// EventLoop::Post.
//
// Published ports: libslirp insists on binding its listeners itself, so it gets
// to bind one to port 0 of the loopback address; that descriptor shows up in the
// next fill and is overlaid by ours with dup2().
//
// Its ways to the host's loopback (10.0.2.2, 255.255.255.255, the IPv6 prefix),
// its DNS, TFTP and boot files are off or never reached; see the gateway.
class SlirpStack : public HostStack, private EventLoop::Hook {
 public:
  struct Options {
    IpPrefix ipv4_subnet;
    IpAddress ipv4_gateway;
    IpAddress ipv4_dns;
    IpAddress ipv4_guest;  // what DHCP hands out
    IpPrefix ipv6_subnet;
    IpAddress ipv6_gateway;
    IpAddress ipv6_dns;
    // A guest's TCP connection to this endpoint of the IPv4 subnet is connected
    // to the Unix socket at `local_service_path`.
    Endpoint local_service;
    std::string local_service_path;
    // libslirp keeps the socket of a guest's UDP port for 240 s after its last
    // datagram, whatever has become of its flows.
    size_t max_sockets = 1024;
  };

  // Internal where libslirp refuses the options.
  static absl::StatusOr<std::unique_ptr<SlirpStack>> Create(EventLoop& loop, const Options& options);
  ~SlirpStack() override;

  void SetDelegate(Delegate* delegate) override { delegate_ = delegate; }
  int Input(std::span<const uint8_t> frame) override;
  bool full() const override { return open_count_ >= max_sockets_; }
  void Abort(int socket) override;
  absl::Status AddListener(bool udp, UniqueFd socket, const Endpoint& guest) override;
  absl::Status RemoveListener(bool udp, const Endpoint& guest) override;

 private:
  struct Callbacks;
  // UDP or not; the guest endpoint.
  using ListenerKey = std::pair<bool, Endpoint>;

  explicit SlirpStack(EventLoop& loop) : loop_(loop), poll_set_(loop) {}
  absl::Status Start(const Options& options);
  absl::Duration BeforeWait() override;
  void OnReady(int fd, uint32_t events) override { poll_set_.OnReady(fd, events); }
  void AfterWait() override;
  void Fill();
  void OnRegister(int socket);
  void OnUnregister(int socket);
  // Has the host's socket go, and libslirp hear nothing of the listener any more.
  void Silence(int listener);
  // The listener that libslirp has just bound to `loopback`; -1 if there is none.
  int FindPlaceholder(bool udp, const IpAddress& loopback);

  EventLoop& loop_;
  Delegate* delegate_ = nullptr;
  Slirp* slirp_ = nullptr;
  PollSet poll_set_;
  absl::flat_hash_map<ListenerKey, int> listeners_;  // libslirp's descriptors, ours laid over them
  size_t max_sockets_ = 0;
  size_t open_count_ = 0;
  std::vector<bool> open_;  // by descriptor
  bool in_input_ = false;
  int opened_ = -1;  // by the Input under way
  uint32_t timeout_ms_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_SLIRP_SLIRP_STACK_H_
