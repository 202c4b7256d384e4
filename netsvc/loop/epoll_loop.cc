#include "netsvc/loop/epoll_loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

void DieUnless(bool ok, const char* what) {
  if (ok) return;
  perror(what);
  abort();
}

// What epoll keeps of a descriptor: the address of its WatchHandle, which is even,
// or of the hook's own their number, made odd.
uint64_t HookTag(int fd) { return static_cast<uint64_t>(fd) << 1 | 1; }
bool IsHookTag(uint64_t data) { return (data & 1) != 0; }

}  // namespace

class EpollLoop::WatchHandle : public Handle {
 public:
  using Callback = std::function<void(uint32_t)>;

  WatchHandle(EpollLoop& loop, int fd, Callback callback)
      : loop_(loop), fd_(fd), callback_(std::make_shared<const Callback>(std::move(callback))) {}
  ~WatchHandle() override { loop_.Forget(*this); }

  int fd() const { return fd_; }
  // Shared, for the callback may destroy its handle while it runs.
  std::shared_ptr<const Callback> callback() const { return callback_; }

 private:
  EpollLoop& loop_;
  const int fd_;
  const std::shared_ptr<const Callback> callback_;
};

class EpollLoop::SignalHandle : public Handle {
 public:
  SignalHandle(EpollLoop& loop, int signal, std::function<void()> callback)
      : loop_(loop), signal_(signal), callback_(std::make_shared<const std::function<void()>>(std::move(callback))) {}
  ~SignalHandle() override {
    loop_.signals_.erase(signal_);
    loop_.UpdateSignals();
  }

  std::shared_ptr<const std::function<void()>> callback() const { return callback_; }

 private:
  EpollLoop& loop_;
  const int signal_;
  const std::shared_ptr<const std::function<void()>> callback_;
};

absl::StatusOr<std::unique_ptr<EpollLoop>> EpollLoop::Create(const Clock& clock) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoError(errno, "epoll_create1");
  return std::unique_ptr<EpollLoop>(new EpollLoop(clock, std::move(epoll)));
}

EpollLoop::~EpollLoop() = default;

std::unique_ptr<EventLoop::Handle> EpollLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) {
  auto watch = std::make_unique<WatchHandle>(*this, fd, std::move(callback));
  epoll_event event = {.events = events, .data = {.ptr = watch.get()}};
  DieUnless(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  return watch;
}

void EpollLoop::Forget(const WatchHandle& watch) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
  for (epoll_event& event : undispatched_) {
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
  }
}

bool EpollLoop::SetInterest(int fd, uint32_t was, uint32_t events) {
  if (was == events) return true;
  epoll_event event = {.events = events, .data = {.u64 = HookTag(fd)}};
  const int operation = was == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

std::unique_ptr<EventLoop::Handle> EpollLoop::RunAfter(absl::Duration delay, std::function<void()> callback) {
  return timers_.Add(clock_.Monotonic() + std::max(delay, absl::ZeroDuration()), std::move(callback));
}

std::unique_ptr<EventLoop::Handle> EpollLoop::OnSignal(int signal, std::function<void()> callback) {
  auto handle = std::make_unique<SignalHandle>(*this, signal, std::move(callback));
  signals_[signal] = handle.get();
  UpdateSignals();
  return handle;
}

void EpollLoop::UpdateSignals() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const auto& [signal, handle] : signals_) sigaddset(&mask, signal);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  const int fd = signalfd(signal_fd_.get(), &mask, SFD_NONBLOCK | SFD_CLOEXEC);
  DieUnless(fd >= 0, "signalfd");
  if (signal_fd_.valid()) return;
  signal_fd_.reset(fd);
  signal_watch_ = Watch(fd, EPOLLIN, [this](uint32_t) { ReadSignals(); });
}

void EpollLoop::ReadSignals() {
  signalfd_siginfo info;
  while (read(signal_fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    const auto found = signals_.find(static_cast<int>(info.ssi_signo));
    if (found == signals_.end()) continue;
    const auto callback = found->second->callback();
    (*callback)();
  }
}

void EpollLoop::Run() {
  while (!stopped_) RunOnce(absl::InfiniteDuration());
  stopped_ = false;
}

int EpollLoop::RunOnce(absl::Duration max_wait) {
  const int timeout = WaitMilliseconds(max_wait);
  const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  DieUnless(count >= 0 || errno == EINTR, "epoll_wait");
  const absl::Duration woke = clock_.Monotonic();
  const absl::Duration late = woke - timers_.next_deadline();
  int ran = DispatchEvents(std::span(events_).first(static_cast<size_t>(std::max(count, 0))));
  ran += timers_.RunDue(clock_.Monotonic());
  ran += RunPosted();
  if (hook_ != nullptr) hook_->AfterWait();
  TellIfSlow({.late = std::max(late, absl::ZeroDuration()), .worked = clock_.Monotonic() - woke});
  return ran;
}

void EpollLoop::TellIfSlow(const SlowTurn& turn) const {
  if (on_slow_turn_ != nullptr && std::max(turn.late, turn.worked) >= kSlowTurn) on_slow_turn_(turn);
}

// Asks the hook, which may post and set timers itself.
int EpollLoop::WaitMilliseconds(absl::Duration max_wait) {
  absl::Duration wait = max_wait;
  if (hook_ != nullptr) wait = std::min(wait, hook_->BeforeWait());
  if (!posted_.empty()) return 0;
  wait = std::min(wait, timers_.next_deadline() - clock_.Monotonic());
  if (wait == absl::InfiniteDuration()) return -1;
  const int64_t milliseconds = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
  return static_cast<int>(std::clamp<int64_t>(milliseconds, 0, std::numeric_limits<int>::max()));
}

int EpollLoop::DispatchEvents(std::span<epoll_event> ready) {
  int ran = 0;
  undispatched_ = ready;
  while (!undispatched_.empty()) {
    const epoll_event event = undispatched_.front();
    undispatched_ = undispatched_.subspan(1);
    if (event.data.ptr == nullptr) continue;  // destroyed by a callback of this turn
    ++ran;
    if (IsHookTag(event.data.u64)) {
      if (hook_ != nullptr) hook_->OnReady(static_cast<int>(event.data.u64 >> 1), event.events);
      continue;
    }
    const auto callback = static_cast<WatchHandle*>(event.data.ptr)->callback();
    (*callback)(event.events);
  }
  return ran;
}

int EpollLoop::RunPosted() {
  // Two vectors take turns, so that posting allocates nothing in the long run.
  std::swap(posted_, running_);
  for (const std::function<void()>& each : running_) each();
  const int count = static_cast<int>(running_.size());
  running_.clear();
  return count;
}

}  // namespace sluice
