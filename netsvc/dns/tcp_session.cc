#include "netsvc/dns/tcp_session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "netsvc/base/big_endian.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

constexpr size_t kPrefix = 2;  // RFC 1035 section 4.2.2
constexpr size_t kReadSize = 16 << 10;

bool WouldBlock(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR); }

}  // namespace

TcpSession::TcpSession(EventLoop& loop, const Asked& asked, UniqueFd stream, const Handler& handler,
                       std::function<void()> on_closed)
    : loop_(loop),
      asked_(asked),
      stream_(std::move(stream)),
      handler_(handler),
      on_closed_(std::move(on_closed)),
      last_active_(loop.clock().Monotonic()) {}

void TcpSession::Start() {
  Watch();
  idle_timer_ = loop_.RunAfter(kIdle, [this] { CheckIdle(); });
}

void TcpSession::Close() {
  if (closed()) return;
  watch_.reset();
  idle_timer_.reset();
  stream_.reset();
  on_closed_();
}

// Watches for what can be done now.
void TcpSession::Watch() {
  if (closed()) return;
  uint32_t events = 0;
  if (!ended_by_guest_ && unsent_.size() < kPauseReading) events |= EPOLLIN;
  if (!unsent_.empty()) events |= EPOLLOUT;
  if (watch_ != nullptr && events == watched_events_) return;
  watched_events_ = events;
  watch_.reset();
  // Without interest in anything, an epoll watch still reports every hang-up.
  if (events != 0) watch_ = loop_.Watch(stream_.get(), events, [this](uint32_t ready) { OnReady(ready); });
}

void TcpSession::OnReady(uint32_t events) {
  const std::shared_ptr<TcpSession> self = shared_from_this();
  if (events & EPOLLERR) Close();
  if (!closed() && events & (EPOLLIN | EPOLLHUP)) Read();
  if (!closed() && events & EPOLLOUT) Write();
  Watch();
}

void TcpSession::Read() {
  std::array<uint8_t, kReadSize> buffer;
  const ssize_t size = recv(stream_.get(), buffer.data(), buffer.size(), 0);
  if (WouldBlock(size)) return;
  if (size < 0) return Close();
  ended_by_guest_ = size == 0;
  received_.insert(received_.end(), buffer.begin(), buffer.begin() + size);
  reading_ = true;
  const bool open = TakeMessages();
  reading_ = false;
  if (open) Write();
}

bool TcpSession::TakeMessages() {
  std::span<const uint8_t> rest = received_;
  while (rest.size() >= kPrefix && rest.size() - kPrefix >= Load16(rest.data())) {
    const std::span<const uint8_t> message = rest.subspan(kPrefix, Load16(rest.data()));
    rest = rest.subspan(kPrefix + message.size());
    ++waiting_;
    last_active_ = loop_.clock().Monotonic();
    const bool taken = handler_(asked_, message, [weak = weak_from_this()](std::span<const uint8_t> answer) {
      const std::shared_ptr<TcpSession> session = weak.lock();
      if (session != nullptr && !session->closed()) session->Send(answer);
    });
    if (!taken) Close();
    if (closed()) return false;
  }
  received_.erase(received_.begin(), received_.end() - static_cast<ptrdiff_t>(rest.size()));
  return true;
}

void TcpSession::Send(std::span<const uint8_t> message) {
  --waiting_;
  if (unsent_.size() + kPrefix + message.size() > kMaxUnsent) return Close();
  uint8_t prefix[kPrefix];
  Store16(prefix, static_cast<uint16_t>(message.size()));
  unsent_.insert(unsent_.end(), prefix, prefix + kPrefix);
  unsent_.insert(unsent_.end(), message.begin(), message.end());
  last_active_ = loop_.clock().Monotonic();
  // Answers to what is being read go out together.
  if (reading_) return;
  Write();
  Watch();
}

void TcpSession::Write() {
  if (!unsent_.empty()) {
    const ssize_t size = send(stream_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (size < 0 && !WouldBlock(size)) return Close();
    if (size > 0) unsent_.erase(unsent_.begin(), unsent_.begin() + size);
  }
  if (ended_by_guest_ && idle()) Close();
}

void TcpSession::CheckIdle() {
  const absl::Duration left = last_active_ + kIdle - loop_.clock().Monotonic();
  if (left <= absl::ZeroDuration() && waiting_ == 0) return Close();
  // A query in flight ends by its own time-out.
  idle_timer_ = loop_.RunAfter(waiting_ > 0 ? kIdle : left, [this] { CheckIdle(); });
}

}  // namespace sluice::dns
