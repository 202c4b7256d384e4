#include "server/service/audit_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "netsvc/audit/segment.h"

namespace sluice {

// What the watch told since it was last asked.
class AuditSync::Notes : public AuditWatch::Listener {
 public:
  struct Taken {
    std::map<std::string, std::string> directories;  // of logs that were found, by uid
    std::set<std::string> written;
    std::set<std::string> removed;
  };

  bool OnLog(const AuditLogInfo& log) override {
    const MutexLock lock(mutex_);
    notes_.removed.erase(log.sandbox_uid);
    notes_.directories[log.sandbox_uid] = log.directory;
    notes_.written.insert(log.sandbox_uid);
    return true;
  }
  void OnRemoved(const std::string& uid) override {
    const MutexLock lock(mutex_);
    notes_.directories.erase(uid);
    notes_.removed.insert(uid);
  }
  void OnAppended(const std::string& uid) override {
    const MutexLock lock(mutex_);
    notes_.written.insert(uid);
  }
  Taken Take() {
    const MutexLock lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  Mutex mutex_;
  Taken notes_ GUARDED_BY(mutex_);
};

AuditSync::AuditSync(AuditWatch& watch, std::function<void()> prune)
    : watch_(watch), prune_(std::move(prune)), notes_(std::make_shared<Notes>()) {
  listener_ = watch_.Add(notes_);
  thread_ = std::thread([this] { Loop(); });
}

AuditSync::~AuditSync() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
  watch_.Remove(listener_);
  SyncAll();
}

uint64_t AuditSync::SyncLog(const std::string& directory, uint64_t first_segment) {
  const absl::StatusOr<UniqueFd> log = audit::OpenLogDirectory(directory);
  if (!log.ok()) return first_segment;
  const absl::StatusOr<std::vector<uint64_t>> segments = audit::ListSegments(log->get());
  if (!segments.ok() || segments->empty()) return first_segment;
  for (const uint64_t segment : *segments) {
    if (segment < first_segment) continue;
    const absl::StatusOr<UniqueFd> file = audit::OpenSegment(log->get(), segment, O_RDONLY);
    if (file.ok()) fdatasync(file->get());
  }
  // A new segment's name is the directory's.
  if (segments->back() != first_segment) fsync(log->get());
  return segments->back();
}

void AuditSync::SyncAll() {
  Notes::Taken notes = notes_->Take();
  for (const std::string& uid : notes.removed) synced_.erase(uid);
  for (auto& [uid, directory] : notes.directories) synced_[uid].directory = std::move(directory);
  for (const std::string& uid : notes.written) {
    const auto log = synced_.find(uid);
    if (log != synced_.end()) log->second.last_segment = SyncLog(log->second.directory, log->second.last_segment);
  }
}

void AuditSync::Loop() {
  absl::Time next_prune = absl::Now() + kPruneInterval;
  while (true) {
    {
      const absl::Time until = absl::Now() + kInterval;
      const MutexLock lock(mutex_);
      while (!stopping_ && absl::Now() < until) wake_.WaitFor(mutex_, until - absl::Now());
      if (stopping_) return;
    }
    SyncAll();
    if (absl::Now() < next_prune) continue;
    prune_();
    next_prune = absl::Now() + kPruneInterval;
  }
}

}  // namespace sluice
