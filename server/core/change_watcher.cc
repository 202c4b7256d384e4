#include "server/core/change_watcher.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr absl::string_view kSynced = "";

}  // namespace

ChangeWatcher::ChangeWatcher(Labels selector, std::function<void()> on_ready, Labels scope)
    : selector_(std::move(selector)), scope_(std::move(scope)), on_ready_(std::move(on_ready)) {}

std::optional<SandboxChange> ChangeWatcher::Next() {
  const MutexLock lock(mutex_);
  if (order_.empty()) return std::nullopt;
  const std::string id = order_.front();
  if (id == kSynced) {
    order_.pop_front();
    return SandboxChange{.sandbox = nullptr, .deleted_id = "", .synced = true};
  }
  Waiting& waiting = waiting_[id];
  if (std::exchange(waiting.deleted, false)) {
    told_.erase(id);
    if (waiting.latest == nullptr) {
      waiting_.erase(id);
      order_.pop_front();
    }
    return SandboxChange{.sandbox = nullptr, .deleted_id = id, .synced = false};
  }
  SandboxSnapshotPtr latest = std::move(waiting.latest);
  waiting_.erase(id);
  order_.pop_front();
  told_.insert(id);
  return SandboxChange{.sandbox = std::move(latest), .deleted_id = "", .synced = false};
}

absl::Status ChangeWatcher::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

void ChangeWatcher::Begin(const std::vector<SandboxSnapshotPtr>& existing) {
  const MutexLock lock(mutex_);
  for (const SandboxSnapshotPtr& sandbox : existing) ChangedLocked(sandbox);
  order_.emplace_back(kSynced);
}

void ChangeWatcher::Changed(const SandboxSnapshotPtr& sandbox) {
  const MutexLock lock(mutex_);
  ChangedLocked(sandbox);
}

void ChangeWatcher::Deleted(const std::string& id) {
  const MutexLock lock(mutex_);
  DeletedLocked(id);
}

void ChangeWatcher::End(const absl::Status& status) {
  const MutexLock lock(mutex_);
  EndLocked(status);
}

void ChangeWatcher::ChangedLocked(const SandboxSnapshotPtr& sandbox) {
  if (!status_.ok()) return;
  const v1::Sandbox& state = sandbox->basic();
  // A sandbox that lost the selected labels is gone as far as the reader knows.
  if (!LabelsMatch(state.labels(), selector_) || !LabelsMatch(state.labels(), scope_)) {
    return DeletedLocked(state.id());
  }
  WaitingOf(state.id()).latest = sandbox;
  if (waiting_.size() > kMaxWaiting) EndLocked(absl::ResourceExhaustedError("the watcher is too slow"));
}

void ChangeWatcher::DeletedLocked(const std::string& id) {
  if (!status_.ok()) return;
  if (told_.contains(id)) {
    WaitingOf(id) = {.deleted = true, .latest = nullptr};
  } else if (waiting_.erase(id) > 0) {
    order_.erase(std::find(order_.begin(), order_.end(), id));
  }
}

ChangeWatcher::Waiting& ChangeWatcher::WaitingOf(const std::string& id) {
  const auto [at, inserted] = waiting_.try_emplace(id);
  if (inserted) order_.push_back(id);
  return at->second;
}

void ChangeWatcher::EndLocked(const absl::Status& status) {
  if (!status_.ok()) return;
  status_ = status;
  order_.clear();
  waiting_.clear();
}

}  // namespace sluice
