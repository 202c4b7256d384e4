#ifndef SLUICE_SERVER_CORE_CHANGE_FEED_H_
#define SLUICE_SERVER_CORE_CHANGE_FEED_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/core/change_watcher.h"
#include "server/core/labels.h"
#include "server/core/sandbox_snapshot.h"

namespace sluice {

// The sandboxes as everyone sees them, and the changes to them. Any thread;
// changes of one sandbox are put in by one thread at a time, in their order.
class ChangeFeed {
 public:
  void Put(SandboxSnapshotPtr sandbox);
  void Remove(const std::string& id);

  // Null where there is none.
  SandboxSnapshotPtr Get(const std::string& id) const;
  // At most `limit` that bear `selector` and `scope`, by id, from the one after
  // `after`.
  std::vector<SandboxSnapshotPtr> List(const Labels& selector, const std::string& after, size_t limit,
                                       const Labels& scope = {}) const;

  // Tells of those that exist, then "synced", then every change. The watch ends
  // when the last reference to it goes.
  std::shared_ptr<ChangeWatcher> Watch(const Labels& selector, std::function<void()> on_ready,
                                       const Labels& scope = {});
  // Ends every watch, now and to come, with `status`.
  void EndWatches(const absl::Status& status);

 private:
  using Watchers = std::vector<std::shared_ptr<ChangeWatcher>>;

  // Those that somebody still holds.
  Watchers LiveWatchers() REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, SandboxSnapshotPtr> sandboxes_ GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<ChangeWatcher>> watchers_ GUARDED_BY(mutex_);
  absl::Status ended_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_CHANGE_FEED_H_
