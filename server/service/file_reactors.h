#ifndef SLUICE_SERVER_SERVICE_FILE_REACTORS_H_
#define SLUICE_SERVER_SERVICE_FILE_REACTORS_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/guest/guest_files.h"
#include "server/service/guest_service.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice {

// The files of a sandbox's guest. The error of `caller`, where it is one; FieldError
// of "sandbox_id" where it is empty; else GuestLookup's errors and Guest::Files's.
// Blocks.
absl::StatusOr<std::unique_ptr<GuestFiles>> FilesOf(GuestLookup& lookup, const absl::StatusOr<Caller>& caller,
                                   const std::string& sandbox_id);

// One ReadFile call. It holds one chunk: the next is read once gRPC has taken
// the last. Owned by itself.
class ReadFileReactor : public grpc::ServerWriteReactor<v1::ReadFileResponse> {
 public:
  // `request` lives as long as the call.
  ReadFileReactor(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                  const GuestServiceImpl::RunBlocking& run_blocking, const v1::ReadFileRequest& request);

 private:
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

  void NextLater();
  // Reads a chunk and writes it, or ends the call.
  void Next();
  absl::StatusOr<std::string> ReadChunk();

  GuestLookup& lookup_;
  const absl::StatusOr<Caller> caller_;
  const GuestServiceImpl::RunBlocking& run_blocking_;
  const v1::ReadFileRequest& request_;
  std::unique_ptr<FileReader> reader_;
  v1::ReadFileResponse response_;
};

// One WriteFile call. It holds one request: the next is taken once the file has
// the last. Owned by itself.
class WriteFileReactor : public grpc::ServerReadReactor<v1::WriteFileRequest> {
 public:
  // `response` lives as long as the call.
  WriteFileReactor(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                   const GuestServiceImpl::RunBlocking& run_blocking, v1::WriteFileResponse& response);

 private:
  void OnReadDone(bool ok) override;
  void OnSendInitialMetadataDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

  // Runs `step` where it may block, and ends the call with its failure.
  void Later(absl::Status (WriteFileReactor::*step)());
  absl::Status TakeRequest();
  absl::Status Open();
  absl::Status Commit();
  // Removes what is written, unless it was committed.
  void End(const absl::Status& status);

  GuestLookup& lookup_;
  const absl::StatusOr<Caller> caller_;
  const GuestServiceImpl::RunBlocking& run_blocking_;
  v1::WriteFileResponse& response_;
  v1::WriteFileRequest request_;
  std::unique_ptr<FileWriter> writer_;

  Mutex mutex_;
  bool cancelled_ GUARDED_BY(mutex_) = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_FILE_REACTORS_H_
