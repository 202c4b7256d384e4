#include "server/worker/exit_watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <utility>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr uint64_t kStopId = 0;
constexpr size_t kEventsATurn = 16;

bool AddToEpoll(int epoll, int fd, uint64_t id) {
  // One report a process: afterwards the descriptor stays readable.
  epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = id}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

ExitWatcher::Watch::Watch(ExitWatcher& watcher, uint64_t id, UniqueFd pidfd)
    : watcher_(watcher), id_(id), pidfd_(std::move(pidfd)) {}

ExitWatcher::Watch::~Watch() { watcher_.Remove(id_, pidfd_.get()); }

absl::StatusOr<std::unique_ptr<ExitWatcher>> ExitWatcher::Start() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!epoll.valid() || !stop.valid() || !AddToEpoll(epoll.get(), stop.get(), kStopId)) {
    return ErrnoError(errno, "watch for the end of processes");
  }
  return std::unique_ptr<ExitWatcher>(new ExitWatcher(std::move(epoll), std::move(stop)));
}

ExitWatcher::ExitWatcher(UniqueFd epoll, UniqueFd stop)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), thread_([this] { Loop(); }) {}

ExitWatcher::~ExitWatcher() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

absl::StatusOr<std::unique_ptr<ExitWatcher::Watch>> ExitWatcher::Add(const UniqueFd& pidfd,
                                                                     std::function<void()> on_exit) {
  UniqueFd copy(fcntl(pidfd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoError(errno, "duplicate a pidfd");
  uint64_t id;
  {
    const MutexLock lock(mutex_);
    id = ++last_id_;
    callbacks_[id] = std::move(on_exit);
  }
  const int fd = copy.get();
  auto watch = std::make_unique<Watch>(*this, id, std::move(copy));
  if (!AddToEpoll(epoll_.get(), fd, id)) return ErrnoError(errno, "watch a process");
  return watch;
}

void ExitWatcher::Remove(uint64_t id, int pidfd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
  const MutexLock lock(mutex_);
  callbacks_.erase(id);
  while (reporting_ == id) reported_.Wait(mutex_);
}

void ExitWatcher::Report(uint64_t id) {
  std::function<void()> callback;
  {
    const MutexLock lock(mutex_);
    const auto found = callbacks_.find(id);
    if (found == callbacks_.end()) return;
    callback = std::move(found->second);
    callbacks_.erase(found);
    reporting_ = id;
  }
  callback();
  callback = nullptr;
  {
    const MutexLock lock(mutex_);
    reporting_ = 0;
  }
  reported_.NotifyAll();
}

void ExitWatcher::Loop() {
  std::array<epoll_event, kEventsATurn> events;
  while (true) {
    const int n = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u64 == kStopId) return;
      Report(events[i].data.u64);
    }
  }
}

}  // namespace sluice
