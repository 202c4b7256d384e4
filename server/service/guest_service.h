#ifndef SLUICE_SERVER_SERVICE_GUEST_SERVICE_H_
#define SLUICE_SERVER_SERVICE_GUEST_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/access/callers.h"
#include "server/guest/guest.h"
#include "sluice/v1/guest_service.grpc.pb.h"

namespace sluice {

// Finds the guest of a running sandbox. Any thread; does not block.
class GuestLookup {
 public:
  virtual ~GuestLookup() = default;
  // NotFound (no such sandbox is there for the caller), FailedPrecondition (it
  // does not run).
  virtual absl::StatusOr<std::shared_ptr<Guest>> Find(const std::string& sandbox_id, const Caller& caller) = 0;
};

// sluice.v1.GuestService. Thin: it turns requests into calls on a Guest.
class GuestServiceImpl final : public v1::GuestService::CallbackService {
 public:
  // Runs work that blocks on a thread of its own; false where it has no room.
  using RunBlocking = std::function<bool(std::function<void()>)>;

  // `lookup` and `callers` outlive the service.
  GuestServiceImpl(GuestLookup& lookup, const Callers& callers, RunBlocking run_blocking)
      : lookup_(lookup), callers_(callers), run_blocking_(std::move(run_blocking)) {}

  grpc::ServerBidiReactor<v1::ExecRequest, v1::ExecResponse>* Exec(grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::ReadFileResponse>* ReadFile(grpc::CallbackServerContext* context,
                                                           const v1::ReadFileRequest* request) override;
  grpc::ServerReadReactor<v1::WriteFileRequest>* WriteFile(grpc::CallbackServerContext* context,
                                                           v1::WriteFileResponse* response) override;
  grpc::ServerUnaryReactor* StatFile(grpc::CallbackServerContext* context, const v1::StatFileRequest* request,
                                     v1::StatFileResponse* response) override;
  grpc::ServerUnaryReactor* ListDirectory(grpc::CallbackServerContext* context,
                                          const v1::ListDirectoryRequest* request,
                                          v1::ListDirectoryResponse* response) override;
  grpc::ServerUnaryReactor* MakeDirectory(grpc::CallbackServerContext* context,
                                          const v1::MakeDirectoryRequest* request,
                                          v1::MakeDirectoryResponse* response) override;
  grpc::ServerUnaryReactor* RemoveFile(grpc::CallbackServerContext* context, const v1::RemoveFileRequest* request,
                                       v1::RemoveFileResponse* response) override;

 private:
  // Ends a call with what `work` says of the sandbox's files.
  using FileWork = std::function<absl::Status(const GuestFiles&)>;
  grpc::ServerUnaryReactor* WithFiles(grpc::CallbackServerContext* context, const std::string& sandbox_id,
                                      FileWork work);

  GuestLookup& lookup_;
  const Callers& callers_;
  const RunBlocking run_blocking_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_GUEST_SERVICE_H_
