#include "server/service/audit_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "server/core/labels.h"

namespace sluice {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

void Drain(int eventfd) {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = read(eventfd, &count, sizeof(count));
}

bool IsSame(const AuditLogInfo& a, const AuditLogInfo& b) {
  return a.live == b.live && a.sandbox_id == b.sandbox_id && a.directory == b.directory &&
         a.labels.size() == b.labels.size() && LabelsMatch(a.labels, b.labels);
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
  Signal();
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

uint64_t AuditWatch::Add(std::shared_ptr<Listener> listener) {
  const MutexLock lock(mutex_);
  Refresh();
  const uint64_t number = ++last_listener_;
  for (auto& [uid, log] : known_) {
    if (listener->OnLog(log.info)) log.wanted_by.insert(number);
  }
  listeners_[number] = std::move(listener);
  return number;
}

void AuditWatch::Remove(uint64_t listener) {
  const MutexLock lock(mutex_);
  listeners_.erase(listener);
  for (auto& [uid, log] : known_) log.wanted_by.erase(listener);
}

void AuditWatch::Refresh() {
  std::set<std::string> present;
  for (AuditLogInfo& info : logs_.Logs()) {
    present.insert(info.sandbox_uid);
    Put(std::move(info));
  }
  for (auto it = known_.begin(); it != known_.end();) {
    if (present.contains(it->first)) {
      ++it;
      continue;
    }
    it->second.info.live = false;
    SetWatch(it->second);
    for (const auto& [number, listener] : listeners_) listener->OnRemoved(it->first);
    it = known_.erase(it);
  }
}

void AuditWatch::Put(AuditLogInfo info) {
  const auto [it, added] = known_.try_emplace(info.sandbox_uid);
  Log& log = it->second;
  if (!added && IsSame(log.info, info)) return;
  log.info = std::move(info);
  SetWatch(log);
  // The watch stands: what they find now, and what is told later, is everything.
  for (const auto& [number, listener] : listeners_) {
    if (listener->OnLog(log.info)) {
      log.wanted_by.insert(number);
    } else {
      log.wanted_by.erase(number);
    }
  }
}

void AuditWatch::SetWatch(Log& log) {
  if (log.info.live == (log.watch >= 0)) return;
  if (log.info.live) {
    log.watch = inotify_add_watch(inotify_.get(), log.info.directory.c_str(), IN_MODIFY | IN_CREATE);
    if (log.watch >= 0) watched_[log.watch] = log.info.sandbox_uid;
  } else {
    inotify_rm_watch(inotify_.get(), log.watch);
    watched_.erase(std::exchange(log.watch, -1));
  }
}

std::set<std::string> AuditWatch::ReadChanges() {
  std::set<std::string> changed;
  alignas(inotify_event) std::array<char, 65536> buffer;
  ssize_t size;
  while ((size = read(inotify_.get(), buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      // The kernel's queue was full: any may have changed.
      if (event.mask & IN_Q_OVERFLOW) {
        for (const auto& [watch, uid] : watched_) changed.insert(uid);
      }
      if (const auto log = watched_.find(event.wd); log != watched_.end()) changed.insert(log->second);
    }
  }
  return changed;
}

void AuditWatch::TellAppended(const std::string& uid) {
  const auto log = known_.find(uid);
  if (log == known_.end()) return;
  for (const uint64_t number : log->second.wanted_by) {
    if (const auto listener = listeners_.find(number); listener != listeners_.end()) {
      listener->second->OnAppended(uid);
    }
  }
}

void AuditWatch::Tick() {
  for (const auto& [uid, log] : known_) {
    if (log.info.live && log.watch < 0) TellAppended(uid);
  }
  for (const auto& [number, listener] : listeners_) listener->OnTick();
}

void AuditWatch::Loop() {
  absl::Time next_tick = absl::Now() + kTick;
  while (true) {
    std::array<pollfd, 2> waiting = {{{inotify_.get(), POLLIN, 0}, {signal_.get(), POLLIN, 0}}};
    const absl::Duration left = std::max(next_tick - absl::Now(), absl::ZeroDuration());
    poll(waiting.data(), waiting.size(), static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      if (waiting[1].revents != 0) {
        Drain(signal_.get());
        Refresh();
      }
      for (const std::string& uid : ReadChanges()) TellAppended(uid);
      if (absl::Now() >= next_tick) {
        Tick();
        next_tick = absl::Now() + kTick;
      }
    }
    poll(&waiting[1], 1, static_cast<int>(absl::ToInt64Milliseconds(kPace)));
  }
}

}  // namespace sluice
