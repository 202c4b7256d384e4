#include "server/service/watch_reactor.h"

#include <optional>
#include <utility>

#include "server/service/status.h"

namespace sluice {

WatchReactor* WatchReactor::Start(SandboxManager& manager, const absl::StatusOr<Caller>& caller,
                                  const v1::WatchSandboxesRequest& request) {
  std::shared_ptr<WatchReactor> reactor(new WatchReactor(request.view(), caller.ok() ? caller->stream : nullptr));
  reactor->self_ = reactor;
  if (!caller.ok()) {
    reactor->Begin(caller.status());
    return reactor.get();
  }
  const std::weak_ptr<WatchReactor> weak = reactor;
  const auto on_ready = [weak] {
    if (const std::shared_ptr<WatchReactor> alive = weak.lock()) alive->Pump();
  };
  reactor->Begin(manager.Watch(request, on_ready, caller->scope));
  return reactor.get();
}

void WatchReactor::Begin(absl::StatusOr<std::shared_ptr<ChangeWatcher>> watcher) {
  const absl::Status status = watcher.status();
  {
    const MutexLock lock(mutex_);
    finished_ = !status.ok();
    if (status.ok()) watcher_ = *std::move(watcher);
  }
  if (!status.ok()) return Finish(ToGrpc(status));
  Pump();
}

bool WatchReactor::TakeNext() {
  const std::optional<SandboxChange> change = watcher_->Next();
  if (!change) return false;
  response_.Clear();
  if (change->synced) {
    response_.set_synced(true);
  } else if (change->sandbox != nullptr) {
    *response_.mutable_sandbox() = change->sandbox->In(view_, v1::SANDBOX_VIEW_BASIC);
  } else {
    response_.set_deleted_id(change->deleted_id);
  }
  return true;
}

void WatchReactor::Pump() {
  absl::Status end = absl::OkStatus();
  {
    const MutexLock lock(mutex_);
    if (writing_ || finished_ || watcher_ == nullptr) return;
    if (cancelled_) {
      end = absl::CancelledError("the caller is gone");
    } else if (TakeNext()) {
      writing_ = true;
    } else {
      end = watcher_->status();
    }
    finished_ = !end.ok();
    if (!writing_ && !finished_) return;
  }
  // Whoever set one of these is the only one to act on it.
  if (end.ok()) {
    StartWrite(&response_);
  } else {
    Finish(ToGrpc(end));
  }
}

void WatchReactor::OnWriteDone(bool ok) {
  {
    const MutexLock lock(mutex_);
    writing_ = false;
    cancelled_ = cancelled_ || !ok;
  }
  Pump();
}

void WatchReactor::OnCancel() {
  {
    const MutexLock lock(mutex_);
    cancelled_ = true;
  }
  Pump();
}

}  // namespace sluice
