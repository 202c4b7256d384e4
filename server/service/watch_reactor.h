#ifndef SLUICE_SERVER_SERVICE_WATCH_REACTOR_H_
#define SLUICE_SERVER_SERVICE_WATCH_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/access/caller.h"
#include "server/base/mutex.h"
#include "server/core/change_watcher.h"
#include "server/core/sandbox_manager.h"
#include "sluice/v1/sandbox_service.pb.h"

namespace sluice {

// One WatchSandboxes call: one write in flight, and what waits folds in the
// ChangeWatcher. Owned by itself until gRPC and the watcher are done with it.
class WatchReactor : public grpc::ServerWriteReactor<v1::WatchSandboxesResponse>,
                     public std::enable_shared_from_this<WatchReactor> {
 public:
  // Ends at once with the error of `caller`, where it is one.
  static WatchReactor* Start(SandboxManager& manager, const absl::StatusOr<Caller>& caller,
                             const v1::WatchSandboxesRequest& request);

 private:
  WatchReactor(v1::SandboxView view, std::shared_ptr<const void> stream) : view_(view), stream_(std::move(stream)) {}

  void Begin(absl::StatusOr<std::shared_ptr<ChangeWatcher>> watcher);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { self_ = nullptr; }

  // Writes the next change, or ends the call, unless a write is in flight.
  void Pump();
  // Fills response_ from what waits; false where nothing does.
  bool TakeNext() REQUIRES(mutex_);

  const v1::SandboxView view_;
  const std::shared_ptr<const void> stream_;  // Caller::stream
  std::shared_ptr<WatchReactor> self_;
  Mutex mutex_;
  std::shared_ptr<ChangeWatcher> watcher_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  v1::WatchSandboxesResponse response_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_WATCH_REACTOR_H_
