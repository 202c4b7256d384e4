#ifndef SLUICE_SERVER_SERVICE_EXEC_REACTOR_H_
#define SLUICE_SERVER_SERVICE_EXEC_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/guest/guest_process.h"
#include "server/service/guest_service.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice {

// One Exec call. Of the program's output one chunk is held at a time: the next is
// read once gRPC has taken the last. Owned by itself until gRPC and the program
// are done with it.
class ExecReactor : public grpc::ServerBidiReactor<v1::ExecRequest, v1::ExecResponse>,
                    public std::enable_shared_from_this<ExecReactor> {
 public:
  // Ends at once with the error of `caller`, where it is one.
  static ExecReactor* Start(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                            const GuestServiceImpl::RunBlocking& run_blocking);

 private:
  ExecReactor(GuestLookup& lookup, absl::StatusOr<Caller> caller, const GuestServiceImpl::RunBlocking& run_blocking)
      : lookup_(lookup), caller_(std::move(caller)), run_blocking_(run_blocking) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The first request.
  void OnStart();
  absl::StatusOr<std::shared_ptr<GuestProcess>> StartProcess() const;
  void OnStarted(absl::StatusOr<std::shared_ptr<GuestProcess>> process);
  // The requests that follow.
  void OnInput();
  void EndInput(GuestProcess& running);
  void OnEvent(ProcessEvent event);
  void Write();
  void End(const absl::Status& status);
  std::shared_ptr<GuestProcess> process();

  GuestLookup& lookup_;
  const absl::StatusOr<Caller> caller_;
  const GuestServiceImpl::RunBlocking& run_blocking_;
  std::shared_ptr<ExecReactor> self_;
  v1::ExecRequest request_;
  v1::ExecResponse response_;
  // Reads take turns.
  bool started_ = false;  // the first request came
  std::optional<TerminalSize> terminal_;
  bool input_ended_ = false;

  Mutex mutex_;
  std::shared_ptr<GuestProcess> process_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_EXEC_REACTOR_H_
