#ifndef SLUICE_SERVER_SERVICE_AUDIT_SYNC_H_
#define SLUICE_SERVER_SERVICE_AUDIT_SYNC_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/service/audit_watch.h"

namespace sluice {

// Syncs the audit logs that were written to, every second: what is older than
// that survives the death of the machine too. One thread, which the disk alone
// slows.
class AuditSync {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  static constexpr absl::Duration kPruneInterval = absl::Minutes(1);

  // `watch` outlives it. `prune` runs every kPruneInterval on its thread.
  AuditSync(AuditWatch& watch, std::function<void()> prune);
  // Syncs what is left.
  ~AuditSync();

  // Syncs the segments of the log in `directory` from `first_segment` on, and
  // returns the last of them; 0 where there is none.
  static uint64_t SyncLog(const std::string& directory, uint64_t first_segment);

 private:
  class Notes;
  struct Synced {
    std::string directory;
    uint64_t last_segment = 0;
  };

  void Loop();
  void SyncAll();

  AuditWatch& watch_;
  const std::function<void()> prune_;
  const std::shared_ptr<Notes> notes_;
  std::map<std::string, Synced> synced_;  // by uid; the thread's own
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  uint64_t listener_ = 0;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_SYNC_H_
