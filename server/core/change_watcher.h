#ifndef SLUICE_SERVER_CORE_CHANGE_WATCHER_H_
#define SLUICE_SERVER_CORE_CHANGE_WATCHER_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/core/labels.h"
#include "server/core/sandbox_snapshot.h"

namespace sluice {

// One thing that a watcher is told. Exactly one field is set.
struct SandboxChange {
  SandboxSnapshotPtr sandbox;  // new or changed
  std::string deleted_id;
  bool synced = false;  // all that existed when the watch began has been told
};

// One reader's place in the changes of the sandboxes that it selects. Changes
// of one sandbox that the reader has not yet taken fold into the last of them,
// so what waits is bounded by the number of sandboxes; past kMaxWaiting the
// watch ends with ResourceExhausted. Any thread.
class ChangeWatcher {
 public:
  static constexpr size_t kMaxWaiting = 65'536;

  // `on_ready` runs after a change and when the watch ends, on the thread that
  // made the change, under no lock of the watcher's. It must not block.
  // What bears `selector` and `scope` is told of.
  ChangeWatcher(Labels selector, std::function<void()> on_ready, Labels scope = {});

  // The next change, oldest first; nothing while none waits.
  std::optional<SandboxChange> Next();
  // Not OK once the watch has ended: nothing more comes.
  absl::Status status() const;

  // For the feed that it belongs to: what happened, in order. Notify() follows,
  // outside the feed's lock.
  void Begin(const std::vector<SandboxSnapshotPtr>& existing);
  void Changed(const SandboxSnapshotPtr& sandbox);
  void Deleted(const std::string& id);
  void End(const absl::Status& status);
  void Notify() const { on_ready_(); }

 private:
  // What waits of one sandbox: its end, its state, or the end of an earlier one
  // of the same id and then its state.
  struct Waiting {
    bool deleted = false;
    SandboxSnapshotPtr latest;
  };

  void ChangedLocked(const SandboxSnapshotPtr& sandbox) REQUIRES(mutex_);
  void DeletedLocked(const std::string& id) REQUIRES(mutex_);
  Waiting& WaitingOf(const std::string& id) REQUIRES(mutex_);
  void EndLocked(const absl::Status& status) REQUIRES(mutex_);

  const Labels selector_;
  const Labels scope_;
  const std::function<void()> on_ready_;
  mutable Mutex mutex_;
  // Whose turn it is; each id once. "" stands for synced.
  std::deque<std::string> order_ GUARDED_BY(mutex_);
  std::map<std::string, Waiting> waiting_ GUARDED_BY(mutex_);
  // What the reader was told of and not yet told the end of.
  std::set<std::string> told_ GUARDED_BY(mutex_);
  absl::Status status_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_CHANGE_WATCHER_H_
