#include "server/service/file_reactors.h"

#include <utility>

#include "netsvc/base/field_error.h"
#include "server/service/status.h"

namespace sluice {
namespace {

absl::Status Busy() { return absl::ResourceExhaustedError("the server has too much to do"); }

}  // namespace

absl::StatusOr<std::unique_ptr<GuestFiles>> FilesOf(GuestLookup& lookup, const absl::StatusOr<Caller>& caller,
                                   const std::string& sandbox_id) {
  if (!caller.ok()) return caller.status();
  if (sandbox_id.empty()) return FieldError("sandbox_id", "is required");
  const absl::StatusOr<std::shared_ptr<Guest>> guest = lookup.Find(sandbox_id, *caller);
  if (!guest.ok()) return WithResource("sandbox", sandbox_id, guest.status());
  return (*guest)->Files();
}

ReadFileReactor::ReadFileReactor(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                                 const GuestServiceImpl::RunBlocking& run_blocking, const v1::ReadFileRequest& request)
    : lookup_(lookup), caller_(std::move(caller)), run_blocking_(run_blocking), request_(request) {
  NextLater();
}

void ReadFileReactor::NextLater() {
  if (!run_blocking_([this] { Next(); })) Finish(ToGrpc(Busy()));
}

void ReadFileReactor::Next() {
  absl::StatusOr<std::string> chunk = ReadChunk();
  if (!chunk.ok() || chunk->empty()) return Finish(ToGrpc(chunk.status()));
  response_.set_data(*std::move(chunk));
  StartWrite(&response_);
}

absl::StatusOr<std::string> ReadFileReactor::ReadChunk() {
  if (reader_ == nullptr) {
    const absl::StatusOr<std::unique_ptr<GuestFiles>> files = FilesOf(lookup_, caller_, request_.sandbox_id());
    if (!files.ok()) return files.status();
    absl::StatusOr<std::unique_ptr<FileReader>> reader = (*files)->Read(request_);
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
  }
  return reader_->Next();
}

void ReadFileReactor::OnWriteDone(bool ok) {
  if (ok) return NextLater();
  Finish(ToGrpc(absl::CancelledError("the caller is gone")));
}

WriteFileReactor::WriteFileReactor(GuestLookup& lookup, absl::StatusOr<Caller> caller,
                                   const GuestServiceImpl::RunBlocking& run_blocking, v1::WriteFileResponse& response)
    : lookup_(lookup), caller_(std::move(caller)), run_blocking_(run_blocking), response_(response) {
  if (caller_.ok()) {
    StartRead(&request_);
  } else {
    Finish(ToGrpc(caller_.status()));
  }
}

void WriteFileReactor::OnReadDone(bool ok) {
  if (ok) return Later(&WriteFileReactor::TakeRequest);
  // Either the caller has sent everything, or is gone: what is sent to it tells
  // which, for nothing can be sent on a call that is cancelled.
  StartSendInitialMetadata();
}

void WriteFileReactor::OnSendInitialMetadataDone(bool ok) {
  if (!ok) OnCancel();
  Later(&WriteFileReactor::Commit);
}

void WriteFileReactor::OnCancel() {
  const MutexLock lock(mutex_);
  cancelled_ = true;
}

void WriteFileReactor::Later(absl::Status (WriteFileReactor::*step)()) {
  const bool taken = run_blocking_([this, step] {
    if (const absl::Status status = (this->*step)(); !status.ok()) End(status);
  });
  if (!taken) End(Busy());
}

absl::Status WriteFileReactor::TakeRequest() {
  absl::Status status;
  if (writer_ == nullptr) {
    status = request_.has_open() ? InField("open", Open()) : FieldError("open", "the first request must carry it");
  } else {
    status = request_.has_open() ? FieldError("open", "must come once") : writer_->Write(request_.data());
  }
  if (status.ok()) StartRead(&request_);
  return status;
}

absl::Status WriteFileReactor::Open() {
  const absl::StatusOr<std::unique_ptr<GuestFiles>> files = FilesOf(lookup_, caller_, request_.open().sandbox_id());
  if (!files.ok()) return files.status();
  absl::StatusOr<std::unique_ptr<FileWriter>> writer = (*files)->Write(request_.open());
  if (writer.ok()) writer_ = *std::move(writer);
  return writer.status();
}

absl::Status WriteFileReactor::Commit() {
  {
    const MutexLock lock(mutex_);
    if (cancelled_) return absl::CancelledError("the caller is gone");
  }
  if (writer_ == nullptr) return FieldError("open", "the first request must carry it");
  const absl::StatusOr<uint64_t> size = writer_->Commit();
  if (!size.ok()) return size.status();
  response_.set_size(*size);
  Finish(grpc::Status::OK);
  return absl::OkStatus();
}

void WriteFileReactor::End(const absl::Status& status) {
  writer_ = nullptr;
  Finish(ToGrpc(status));
}

}  // namespace sluice
