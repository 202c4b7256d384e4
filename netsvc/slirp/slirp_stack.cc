#include "netsvc/slirp/slirp_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <libslirp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

// An IP packet of libslirp's: 16,384 bytes of TCP payload and two headers of 20.
// With this segment size, 10,000 open connections take 95 MB; with 1460 or 65480
// libslirp touches 2.6 GB. From 32 KB on, window updates stall behind a slow
// reader.
constexpr size_t kMtu = 16384 + 40;

uint32_t ToEpoll(int events) {
  uint32_t out = 0;
  if (events & SLIRP_POLL_IN) out |= EPOLLIN;
  if (events & SLIRP_POLL_OUT) out |= EPOLLOUT;
  if (events & SLIRP_POLL_PRI) out |= EPOLLPRI;
  // Always told, but the interest must not be empty.
  if (events & (SLIRP_POLL_ERR | SLIRP_POLL_HUP)) out |= EPOLLERR | EPOLLHUP;
  return out;
}

int FromEpoll(uint32_t events) {
  int out = 0;
  if (events & EPOLLIN) out |= SLIRP_POLL_IN;
  if (events & EPOLLOUT) out |= SLIRP_POLL_OUT;
  if (events & EPOLLPRI) out |= SLIRP_POLL_PRI;
  if (events & EPOLLERR) out |= SLIRP_POLL_ERR;
  if (events & EPOLLHUP) out |= SLIRP_POLL_HUP;
  return out;
}

in_addr NetmaskOf(const IpPrefix& prefix) {
  const uint32_t mask = prefix.length() == 0 ? 0 : ~uint32_t{0} << (32 - prefix.length());
  return {htonl(mask)};
}

std::optional<Endpoint> LocalEndpoint(int socket) {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) < 0) return std::nullopt;
  return Endpoint::FromSockaddr(reinterpret_cast<sockaddr*>(&address));
}

bool IsUdp(int socket) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

}  // namespace

// libslirp's callbacks, each a trampoline to the SlirpStack behind `opaque`.
struct SlirpStack::Callbacks {
  struct Timer {
    SlirpTimerCb callback;
    void* callback_opaque;
    EventLoop& loop;
    std::unique_ptr<EventLoop::Handle> handle;
  };

  static SlirpStack& Self(void* opaque) { return *static_cast<SlirpStack*>(opaque); }

  static ssize_t SendPacket(const void* data, size_t size, void* opaque) {
    auto* bytes = static_cast<uint8_t*>(const_cast<void*>(data));
    if (Self(opaque).delegate_ != nullptr) Self(opaque).delegate_->OnFrame({bytes, size});
    return static_cast<ssize_t>(size);
  }
  static void GuestError(const char*, void*) {}
  static int64_t ClockNs(void* opaque) {
    return absl::ToInt64Nanoseconds(Self(opaque).loop_.clock().Monotonic());
  }
  static void* TimerNew(SlirpTimerCb callback, void* callback_opaque, void* opaque) {
    return new Timer{callback, callback_opaque, Self(opaque).loop_, nullptr};
  }
  static void TimerFree(void* timer, void*) { delete static_cast<Timer*>(timer); }
  static void TimerMod(void* timer, int64_t expire_ms, void*) {
    auto* t = static_cast<Timer*>(timer);
    const absl::Duration delay = absl::Milliseconds(expire_ms) - t->loop.clock().Monotonic();
    t->handle = t->loop.RunAfter(delay, [t] { t->callback(t->callback_opaque); });
  }
  static void Register(int fd, void* opaque) { Self(opaque).OnRegister(fd); }
  static void Unregister(int fd, void* opaque) { Self(opaque).OnUnregister(fd); }
  static void Notify(void*) {}  // every turn fills and polls anyway

  static int AddPoll(int fd, int events, void* opaque) {
    Self(opaque).poll_set_.Add(fd, ToEpoll(events));
    return fd;
  }
  static int GetRevents(int fd, void* opaque) { return FromEpoll(Self(opaque).poll_set_.Ready(fd)); }

  static constexpr SlirpCb kTable = {
      .send_packet = SendPacket,
      .guest_error = GuestError,
      .clock_get_ns = ClockNs,
      .timer_new = TimerNew,
      .timer_free = TimerFree,
      .timer_mod = TimerMod,
      .register_poll_fd = Register,
      .unregister_poll_fd = Unregister,
      .notify = Notify,
      .init_completed = nullptr,
      .timer_new_opaque = nullptr,
  };
};

absl::StatusOr<std::unique_ptr<SlirpStack>> SlirpStack::Create(EventLoop& loop, const Options& options) {
  std::unique_ptr<SlirpStack> stack(new SlirpStack(loop));
  if (absl::Status status = stack->Start(options); !status.ok()) return status;
  return stack;
}

absl::Status SlirpStack::Start(const Options& options) {
  max_sockets_ = options.max_sockets;
  SlirpConfig config = {};
  config.version = SLIRP_CONFIG_VERSION_MAX;
  config.in_enabled = true;
  config.vnetwork = options.ipv4_subnet.address().ToInAddr();
  config.vnetmask = NetmaskOf(options.ipv4_subnet);
  config.vhost = options.ipv4_gateway.ToInAddr();
  config.vnameserver = options.ipv4_dns.ToInAddr();
  config.vdhcp_start = options.ipv4_guest.ToInAddr();
  config.in6_enabled = true;
  config.vprefix_addr6 = options.ipv6_subnet.address().ToIn6Addr();
  config.vprefix_len = static_cast<uint8_t>(options.ipv6_subnet.length());
  config.vhost6 = options.ipv6_gateway.ToIn6Addr();
  config.vnameserver6 = options.ipv6_dns.ToIn6Addr();
  config.if_mtu = kMtu;
  config.if_mru = kMtu;
  config.disable_host_loopback = true;
  config.disable_dns = true;
  slirp_ = slirp_new(&config, &Callbacks::kTable, this);
  if (slirp_ == nullptr) return absl::InternalError("libslirp refused its configuration");
  in_addr service = options.local_service.address.ToInAddr();
  if (slirp_add_unix(slirp_, options.local_service_path.c_str(), &service, options.local_service.port) < 0) {
    return absl::InternalError("libslirp refused the local service");
  }
  loop_.SetHook(this);
  return absl::OkStatus();
}

SlirpStack::~SlirpStack() {
  loop_.SetHook(nullptr);
  delegate_ = nullptr;
  if (slirp_ != nullptr) slirp_cleanup(slirp_);
}

int SlirpStack::Input(std::span<const uint8_t> frame) {
  in_input_ = true;
  opened_ = -1;
  slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
  in_input_ = false;
  return std::exchange(opened_, -1);
}

void SlirpStack::OnRegister(int socket) {
  if (socket < 0) return;  // udp_attach reports its failures too
  const size_t index = static_cast<size_t>(socket);
  if (index >= open_.size()) open_.resize(std::max(index + 1, 2 * open_.size()));
  if (!open_[index]) ++open_count_;
  open_[index] = true;
  if (in_input_) {
    opened_ = socket;
  } else if (delegate_ != nullptr) {
    delegate_->OnAccepted(socket);
  }
}

void SlirpStack::OnUnregister(int socket) {
  if (socket < 0) return;
  const size_t index = static_cast<size_t>(socket);
  if (index < open_.size() && open_[index]) {  // listeners never were
    open_[index] = false;
    --open_count_;
  }
  poll_set_.Forget(socket);
  if (delegate_ != nullptr) delegate_->OnSocketClosed(socket);
}

void SlirpStack::Abort(int socket) {
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  int family = AF_INET;
  socklen_t size = sizeof(family);
  getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size);
  const UniqueFd fresh(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fresh.valid()) {
    shutdown(socket, SHUT_RDWR);
    return;
  }
  poll_set_.Forget(socket);
  dup3(fresh.get(), socket, O_CLOEXEC);
}

void SlirpStack::Fill() {
  timeout_ms_ = UINT32_MAX;
  poll_set_.Begin();
  slirp_pollfds_fill(slirp_, &timeout_ms_, Callbacks::AddPoll, this);
  poll_set_.End();
}

absl::Duration SlirpStack::BeforeWait() {
  Fill();
  return timeout_ms_ == UINT32_MAX ? absl::InfiniteDuration() : absl::Milliseconds(timeout_ms_);
}

void SlirpStack::AfterWait() {
  slirp_pollfds_poll(slirp_, 0, Callbacks::GetRevents, this);
  if (delegate_ != nullptr) delegate_->OnTurnEnd();
}

absl::Status SlirpStack::AddListener(bool udp, UniqueFd socket, const Endpoint& guest) {
  const ListenerKey key(udp, guest);
  if (listeners_.contains(key)) return absl::AlreadyExistsError(absl::StrCat("listener of ", guest.ToString()));
  const bool ipv6 = guest.address.is_v6();
  const Endpoint loopback{ipv6 ? IpAddress::V6(in6addr_loopback) : IpAddress::V4(INADDR_LOOPBACK), 0};
  sockaddr_storage host_address, guest_address;
  const socklen_t host_size = loopback.ToSockaddr(host_address);
  const socklen_t guest_size = guest.ToSockaddr(guest_address);
  const int flags = (udp ? SLIRP_HOSTFWD_UDP : 0) | (ipv6 ? SLIRP_HOSTFWD_V6ONLY : 0);
  if (slirp_add_hostxfwd(slirp_, reinterpret_cast<sockaddr*>(&host_address), host_size,
                         reinterpret_cast<sockaddr*>(&guest_address), guest_size, flags) < 0) {
    return ErrnoError(errno, "libslirp cannot listen");
  }
  const int descriptor = FindPlaceholder(udp, loopback.address);
  if (descriptor < 0) return absl::InternalError("libslirp's listener was not found");
  poll_set_.Forget(descriptor);
  if (dup3(socket.get(), descriptor, O_CLOEXEC) < 0) return ErrnoError(errno, "dup3");
  listeners_[key] = descriptor;
  return absl::OkStatus();
}

int SlirpStack::FindPlaceholder(bool udp, const IpAddress& loopback) {
  std::vector<int> sockets;
  uint32_t timeout = UINT32_MAX;
  const auto collect = [](int fd, int, void* opaque) {
    static_cast<std::vector<int>*>(opaque)->push_back(fd);
    return fd;
  };
  slirp_pollfds_fill(slirp_, &timeout, collect, &sockets);
  for (const int socket : sockets) {
    const auto known = [socket](const auto& listener) { return listener.second == socket; };
    if (std::any_of(listeners_.begin(), listeners_.end(), known)) continue;
    int listening = 0;
    socklen_t size = sizeof(listening);
    getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
    if (IsUdp(socket) != udp || (!udp && listening == 0)) continue;
    const std::optional<Endpoint> local = LocalEndpoint(socket);
    if (local && local->address == loopback) return socket;
  }
  return -1;
}

absl::Status SlirpStack::RemoveListener(bool udp, const Endpoint& guest) {
  const auto it = listeners_.find(ListenerKey(udp, guest));
  if (it == listeners_.end()) return absl::NotFoundError(absl::StrCat("listener of ", guest.ToString()));
  const int descriptor = it->second;
  listeners_.erase(it);
  // libslirp finds it by the address that its descriptor, ours, is bound to.
  const std::optional<Endpoint> local = LocalEndpoint(descriptor);
  sockaddr_storage address;
  const socklen_t size = local ? local->ToSockaddr(address) : 0;
  const int flags = udp ? SLIRP_HOSTFWD_UDP : 0;
  if (local && slirp_remove_hostxfwd(slirp_, reinterpret_cast<sockaddr*>(&address), size, flags) == 0) {
    return absl::OkStatus();
  }
  Silence(descriptor);
  return absl::InternalError("libslirp does not know the listener");
}

void SlirpStack::Silence(int listener) {
  poll_set_.Forget(listener);
  // An unbound datagram socket is never ready to be read.
  const UniqueFd silent(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (silent.valid()) {
    dup3(silent.get(), listener, O_CLOEXEC);
  } else {
    shutdown(listener, SHUT_RDWR);
  }
}

}  // namespace sluice
