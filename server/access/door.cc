#include "server/access/door.h"

#include <errno.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "server/access/peer_user.h"

namespace sluice {

using Reason = RefusedConnections::Reason;

namespace {

// How long the door stays shut where the process has no descriptor left.
constexpr int kRestMilliseconds = 100;

int MaxDescriptor() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<int>(static_cast<double>(limit.rlim_cur) * Door::kShareOfFiles);
}

absl::Duration Now() { return Clock::System().Monotonic(); }

// For poll(2).
int UntilThen(absl::Duration then) {
  if (then == absl::InfiniteDuration()) return -1;
  const absl::Duration left = std::max(then - Now(), absl::ZeroDuration());
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

absl::string_view Describe(Reason reason) {
  switch (reason) {
    case Reason::kUnknownUser:
      return "this user may not call";
    case Reason::kUserLimit:
      return "this user has as many connections as it may";
    case Reason::kUsersLimit:
      return "too many users have called";
    case Reason::kDescriptors:
      return "too many connections";
  }
  return "";
}

}  // namespace

Door::Door(Options options, grpc::ServerBuilder& builder)
    : sockets_(std::move(options.sockets)),
      access_(options.access),
      log_(options.log),
      max_fd_(MaxDescriptor()),
      users_connections_(std::min(options.max_connections_of_one, static_cast<size_t>(max_fd_) / kUsersPart)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      unix_users_(kMaxUsers, UDS, access_, log_, builder),
      loopback_users_(options.tls == nullptr ? kMaxUsers : 0, LOCAL_TCP, access_, log_, builder) {
  if (options.tls == nullptr) return;
  options.tls->SetAuthMetadataProcessor(std::make_shared<Doorkeeper>(access_, log_));
  tls_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, options.tls);
}

Door::~Door() { Close(); }

void Door::Open() {
  thread_ = std::thread([this] { Loop(); });
}

void Door::Close() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(stop_.get(), &one, sizeof(one));  // an eventfd takes one always
  thread_.join();
  sockets_.clear();
}

void Door::Loop() {
  std::vector<pollfd> waiting = {{stop_.get(), POLLIN, 0}};
  for (const ListeningSocket& socket : sockets_) waiting.push_back({socket.fd(), POLLIN, 0});
  while (true) {
    poll(waiting.data(), waiting.size(), UntilThen(strangers_.EndOld(Now())));
    if (waiting[0].revents != 0) return;
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (waiting[i + 1].revents != 0) TakeOne(sockets_[i]);
    }
  }
}

void Door::TakeOne(const ListeningSocket& socket) {
  UniqueFd connection(accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (connection.valid() && connection.get() < max_fd_) return HandOver(socket, std::move(connection));
  if (connection.valid()) return Refuse(Reason::kDescriptors, "");
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;  // it is gone already
  spdlog::warn("no connection can be taken: {}", strerror(errno));
  pollfd stop = {stop_.get(), POLLIN, 0};
  poll(&stop, 1, kRestMilliseconds);
}

void Door::HandOver(const ListeningSocket& socket, UniqueFd connection) {
  if (socket.tcp() && tls_ != nullptr) return GiveTo(*tls_, std::move(connection));
  const absl::StatusOr<uid_t> uid = PeerUser(connection.get());
  if (!uid.ok()) return Refuse(Reason::kUnknownUser, "");
  const std::string user = absl::StrCat("user ", *uid);
  if (!access_.OfUser(*uid)) {
    Refuse(Reason::kUnknownUser, user);
    if (strangers_.Take(connection.get(), Now())) UsersOf(socket).TakeStranger(std::move(connection));
    return;
  }
  if (!users_connections_.Take(*uid, connection.get())) return Refuse(Reason::kUserLimit, user);
  if (!UsersOf(socket).Take(*uid, std::move(connection))) Refuse(Reason::kUsersLimit, user);
}

void Door::Refuse(Reason reason, const std::string& who) {
  refused_.Count(reason);
  const bool unknown = reason == Reason::kUnknownUser;
  log_.Write({.caller = who,
              .method = "connect",
              .code = unknown ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::RESOURCE_EXHAUSTED,
              .message = Describe(reason)});
}

}  // namespace sluice
