#include "server/core/change_feed.h"

#include <utility>

namespace sluice {

void ChangeFeed::Put(SandboxSnapshotPtr sandbox) {
  Watchers watchers;
  {
    const MutexLock lock(mutex_);
    watchers = LiveWatchers();
    for (const auto& watcher : watchers) watcher->Changed(sandbox);
    sandboxes_[sandbox->basic().id()] = std::move(sandbox);
  }
  for (const auto& watcher : watchers) watcher->Notify();
}

void ChangeFeed::Remove(const std::string& id) {
  Watchers watchers;
  {
    const MutexLock lock(mutex_);
    if (sandboxes_.erase(id) == 0) return;
    watchers = LiveWatchers();
    for (const auto& watcher : watchers) watcher->Deleted(id);
  }
  for (const auto& watcher : watchers) watcher->Notify();
}

SandboxSnapshotPtr ChangeFeed::Get(const std::string& id) const {
  const MutexLock lock(mutex_);
  const auto found = sandboxes_.find(id);
  return found == sandboxes_.end() ? nullptr : found->second;
}

std::vector<SandboxSnapshotPtr> ChangeFeed::List(const Labels& selector, const std::string& after,
                                                 size_t limit, const Labels& scope) const {
  std::vector<SandboxSnapshotPtr> page;
  const MutexLock lock(mutex_);
  for (auto at = sandboxes_.upper_bound(after); at != sandboxes_.end() && page.size() < limit; ++at) {
    const Labels& labels = at->second->basic().labels();
    if (LabelsMatch(labels, selector) && LabelsMatch(labels, scope)) page.push_back(at->second);
  }
  return page;
}

std::shared_ptr<ChangeWatcher> ChangeFeed::Watch(const Labels& selector, std::function<void()> on_ready,
                                                 const Labels& scope) {
  auto watcher = std::make_shared<ChangeWatcher>(selector, std::move(on_ready), scope);
  {
    const MutexLock lock(mutex_);
    std::vector<SandboxSnapshotPtr> existing;
    for (const auto& [id, sandbox] : sandboxes_) existing.push_back(sandbox);
    watcher->Begin(existing);
    if (!ended_.ok()) watcher->End(ended_);
    watchers_.push_back(watcher);
  }
  watcher->Notify();
  return watcher;
}

void ChangeFeed::EndWatches(const absl::Status& status) {
  Watchers watchers;
  {
    const MutexLock lock(mutex_);
    ended_ = status;
    watchers = LiveWatchers();
    for (const auto& watcher : watchers) watcher->End(status);
  }
  for (const auto& watcher : watchers) watcher->Notify();
}

ChangeFeed::Watchers ChangeFeed::LiveWatchers() {
  Watchers live;
  std::erase_if(watchers_, [&](const std::weak_ptr<ChangeWatcher>& watcher) {
    std::shared_ptr<ChangeWatcher> strong = watcher.lock();
    if (strong == nullptr) return true;
    live.push_back(std::move(strong));
    return false;
  });
  return live;
}

}  // namespace sluice
