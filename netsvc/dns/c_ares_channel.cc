#include "netsvc/dns/c_ares_channel.h"

#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

absl::Status AresError(int status, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", ares_strerror(status));
  if (status == ARES_ETIMEOUT) return absl::DeadlineExceededError(message);
  return absl::UnavailableError(message);
}

ares_addr_port_node ToNode(const Endpoint& server) {
  ares_addr_port_node node = {};
  node.family = server.address.is_v6() ? AF_INET6 : AF_INET;
  if (server.address.is_v6()) {
    const in6_addr address = server.address.ToIn6Addr();
    std::copy_n(reinterpret_cast<const char*>(&address), sizeof(node.addr.addr6),
                reinterpret_cast<char*>(&node.addr.addr6));
  } else {
    node.addr.addr4 = server.address.ToInAddr();
  }
  node.udp_port = node.tcp_port = server.port;
  return node;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CAresChannel>> CAresChannel::Create(EventLoop& loop, const Options& options) {
  std::unique_ptr<CAresChannel> channel(new CAresChannel(loop, options.servers));
  char lookups[] = "b";
  char no_file[] = "/dev/null";
  ares_options ares = {};
  // EDNS here tells c-ares how large a UDP answer may be, and to ask again
  // without OPT where a server does not know it; the query brings its own OPT.
  ares.flags = ARES_FLAG_NOALIASES | ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS | ARES_FLAG_STAYOPEN;
  ares.ednspsz = kOurUdpSize;
  ares.timeout = static_cast<int>(absl::ToInt64Milliseconds(options.timeout));
  ares.tries = options.rounds;
  ares.lookups = lookups;
  ares.resolvconf_path = no_file;
  ares.sock_state_cb = &CAresChannel::OnSocketState;
  ares.sock_state_cb_data = channel.get();
  // Named though zero: servers, domains, ndots and sort list, which c-ares reads
  // from files otherwise.
  constexpr int kGiven = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                         ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
                         ARES_OPT_NDOTS | ARES_OPT_SORTLIST | ARES_OPT_NOROTATE;
  const int status = ares_init_options(&channel->channel_, &ares, kGiven);
  if (status != ARES_SUCCESS) return AresError(status, "c-ares");
  if (absl::Status set = channel->Renew(); !set.ok()) return set;
  return channel;
}

CAresChannel::~CAresChannel() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

absl::Status CAresChannel::Renew() {
  sent_ = 0;
  // Servers that are set anew get sockets anew, in c-ares.
  std::vector<ares_addr_port_node> nodes;
  for (const Endpoint& server : servers_) nodes.push_back(ToNode(server));
  for (size_t i = 1; i < nodes.size(); ++i) nodes[i - 1].next = &nodes[i];
  const int status = ares_set_servers_ports(channel_, nodes.empty() ? nullptr : nodes.data());
  return status == ARES_SUCCESS ? absl::OkStatus() : AresError(status, "resolvers");
}

void CAresChannel::Send(std::span<const uint8_t> query, Done done) {
  if (sent_ == 0) first_sent_ = loop_.clock().Monotonic();
  ++in_flight_;
  ++sent_;
  auto* sent = new Sent{*this, std::move(done)};  // OnDone's, which always runs
  ares_send(channel_, query.data(), static_cast<int>(query.size()), &CAresChannel::OnDone, sent);
  ArmTimer();
}

void CAresChannel::OnDone(void* arg, int status, int /*timeouts*/, unsigned char* answer, int size) {
  const std::unique_ptr<Sent> sent(static_cast<Sent*>(arg));
  --sent->channel.in_flight_;
  if (status == ARES_EDESTRUCTION) return;
  if (status == ARES_SUCCESS) {
    sent->done(std::span<const uint8_t>(answer, static_cast<size_t>(size)));
  } else {
    sent->done(AresError(status, "no resolver answered"));
  }
}

void CAresChannel::OnSocketState(void* self, ares_socket_t socket, int readable, int writable) {
  CAresChannel& channel = *static_cast<CAresChannel*>(self);
  channel.watches_.erase(socket);
  if (!readable && !writable) return;
  const uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  channel.watches_[socket] = channel.loop_.Watch(socket, events, [&channel, socket](uint32_t ready) {
    const bool broken = ready & (EPOLLERR | EPOLLHUP);
    channel.Process(broken || ready & EPOLLIN ? socket : ARES_SOCKET_BAD,
                    broken || ready & EPOLLOUT ? socket : ARES_SOCKET_BAD);
  });
}

void CAresChannel::Process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  ArmTimer();
}

// c-ares may have a new earliest time-out after any call; a timer that is early
// costs one look.
void CAresChannel::ArmTimer() {
  timeval left;
  if (ares_timeout(channel_, nullptr, &left) == nullptr) {
    timer_.reset();
    return;
  }
  const absl::Duration deadline = loop_.clock().Monotonic() + absl::DurationFromTimeval(left);
  if (timer_ != nullptr && timer_deadline_ <= deadline) return;
  timer_deadline_ = deadline;
  timer_ = loop_.RunAfter(absl::DurationFromTimeval(left), [this] {
    timer_.reset();
    Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace sluice::dns
