#include "server/service/audit_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <set>
#include <utility>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

// Listeners that wait for a time of their own (heartbeats) look this often.
constexpr int kTickMs = 1000;

void Drain(int fd) {
  std::array<char, 65536> buffer;
  while (read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditWatch>> AuditWatch::Start(AuditDirectory& logs) {
  UniqueFd inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  UniqueFd signal(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!inotify.valid() || !signal.valid()) return ErrnoError(errno, "watching audit logs");
  return std::unique_ptr<AuditWatch>(new AuditWatch(logs, std::move(inotify), std::move(signal)));
}

AuditWatch::AuditWatch(AuditDirectory& logs, UniqueFd inotify, UniqueFd signal)
    : logs_(logs), inotify_(std::move(inotify)), signal_(std::move(signal)) {
  subscription_ = logs_.OnChange([this] { Signal(); });
  thread_ = std::thread([this] { Loop(); });
}

AuditWatch::~AuditWatch() {
  subscription_ = nullptr;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  Signal();
  thread_.join();
}

void AuditWatch::Signal() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(signal_.get(), &one, sizeof(one));  // full: it is signalled already
}

uint64_t AuditWatch::Add(std::function<void()> wake) {
  const MutexLock lock(mutex_);
  listeners_[++last_listener_] = std::move(wake);
  return last_listener_;
}

void AuditWatch::Remove(uint64_t listener) {
  const MutexLock lock(mutex_);
  listeners_.erase(listener);
}

void AuditWatch::Follow() {
  std::set<std::string> present;
  for (const AuditLogInfo& log : logs_.Logs()) {
    present.insert(log.directory);
    if (followed_.contains(log.directory) || !log.live) continue;
    const int watch = inotify_add_watch(inotify_.get(), log.directory.c_str(), IN_MODIFY | IN_CREATE);
    if (watch >= 0) followed_[log.directory] = watch;
  }
  std::erase_if(followed_, [&](const auto& entry) {
    if (present.contains(entry.first)) return false;
    inotify_rm_watch(inotify_.get(), entry.second);
    return true;
  });
}

void AuditWatch::Loop() {
  Follow();
  while (true) {
    std::array<pollfd, 2> waiting = {{{inotify_.get(), POLLIN, 0}, {signal_.get(), POLLIN, 0}}};
    poll(waiting.data(), waiting.size(), kTickMs);
    Drain(inotify_.get());
    if (waiting[1].revents != 0) {
      Drain(signal_.get());
      Follow();
    }
    const MutexLock lock(mutex_);
    for (const auto& [listener, wake] : listeners_) wake();
    if (stopping_) return;
  }
}

}  // namespace sluice
