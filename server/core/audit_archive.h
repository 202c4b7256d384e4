#ifndef SLUICE_SERVER_CORE_AUDIT_ARCHIVE_H_
#define SLUICE_SERVER_CORE_AUDIT_ARCHIVE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "server/base/mutex.h"
#include "server/service/audit_directory.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// The audit logs of this server's sandboxes, deleted ones too: the directory
// UID/ that a worker writes, and UID.json, which says whose it is. Any thread;
// what touches files blocks. It outlives its subscriptions.
class AuditArchive : public AuditDirectory {
 public:
  // Logs of deleted sandboxes are kept at most so many, the longest deleted go
  // first.
  static constexpr size_t kMaxDeleted = 4096;

  // Reads what `directory` holds: all of sandboxes that are gone, but for those of
  // `live`. A log that nothing speaks of is removed. Logs of deleted sandboxes are
  // kept for `max_age`, or less where the sandbox had less. `clock` outlives the
  // archive.
  static std::unique_ptr<AuditArchive> Open(const std::string& directory, absl::Duration max_age, const Clock& clock,
                                            const std::vector<v1::Sandbox>& live);

  // Makes the log's directory. A failure leaves nothing.
  absl::Status Add(const v1::Sandbox& sandbox);
  // The sandbox bears other labels, or has another max_age, from now on.
  absl::Status Update(const v1::Sandbox& sandbox);
  // Forgets the log of a sandbox that never came to be.
  void Discard(const std::string& uid);
  // Its sandbox is gone and its last event written: the log stays for a while.
  // Removes what is over the bounds.
  void MarkDeleted(const std::string& uid);

  // Removes what is over the bounds now.
  void Prune();

  // Where the log of `uid` is, or would be.
  std::string LogDirectory(const std::string& uid) const;

  std::vector<AuditLogInfo> Logs() const override;
  std::unique_ptr<Subscription> OnChange(std::function<void()> changed) override;

 private:
  class Listener;
  struct Log {
    AuditLogInfo info;
    absl::Duration max_age;             // once the sandbox is deleted
    std::optional<absl::Time> deleted;  // nothing while it is there
  };

  AuditArchive(std::string directory, absl::Duration max_age, const Clock& clock)
      : directory_(std::move(directory)), max_age_(max_age), clock_(clock) {}

  Log LogOf(const v1::Sandbox& sandbox) const;
  std::string NotePath(const std::string& uid) const;
  std::optional<Log> ReadNote(const std::string& uid) const;
  void Load(const std::vector<v1::Sandbox>& live);
  std::vector<std::string> TakeOverdue() EXCLUDES(mutex_);
  void RemoveFiles(const std::string& uid) const;
  void TellListeners() EXCLUDES(mutex_, listeners_mutex_);

  const std::string directory_;
  const absl::Duration max_age_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, Log> logs_ GUARDED_BY(mutex_);  // by uid
  // Held while listeners run, so that one which ends waits for its last run.
  Mutex listeners_mutex_;
  std::set<Listener*> listeners_ GUARDED_BY(listeners_mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_AUDIT_ARCHIVE_H_
