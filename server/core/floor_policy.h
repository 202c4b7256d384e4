#ifndef SLUICE_SERVER_CORE_FLOOR_POLICY_H_
#define SLUICE_SERVER_CORE_FLOOR_POLICY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/policy/rule.h"
#include "server/base/mutex.h"
#include "server/core/file_watcher.h"

namespace sluice {

// The operator's floor rules (--floor_policy), read again when their file changes. A
// new version that is not right leaves the old one in force, with an error in the
// log. Any thread.
class FloorPolicy {
 public:
  // No rules.
  FloorPolicy() = default;

  // An error in words, with the line where there is one, where the file cannot be
  // had: a server does not start without its floor. An empty path: no rules.
  static absl::StatusOr<std::unique_ptr<FloorPolicy>> Load(const std::string& path);

  // Once: follows the file. `on_change` runs, on a thread of its own or Reload's,
  // each time that the rules have become others; it does not block for long.
  void Follow(std::function<void()> on_change);
  // Returns after the last on_change.
  void StopFollowing();

  // Reads the file now, as when it changes.
  void Reload();

  // As ParseFloor takes them; never null.
  std::shared_ptr<const policy::RuleProtos> Get() const;

  struct State {
    size_t rules = 0;
    uint64_t failed_reloads = 0;
    bool stale = false;  // the file has not been read since it changed last
  };
  State state() const;

 private:
  std::string path_;
  Mutex reload_mutex_;  // one at a time reads the file
  std::function<void()> on_change_ GUARDED_BY(reload_mutex_);
  mutable Mutex mutex_;
  std::shared_ptr<const policy::RuleProtos> rules_ GUARDED_BY(mutex_) = std::make_shared<const policy::RuleProtos>();
  uint64_t failed_reloads_ GUARDED_BY(mutex_) = 0;
  bool stale_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<FileWatcher> watcher_;  // ends first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_FLOOR_POLICY_H_
