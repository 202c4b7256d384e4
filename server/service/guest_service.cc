#include "server/service/guest_service.h"

#include <utility>

#include "server/service/exec_reactor.h"
#include "server/service/file_reactors.h"
#include "server/service/status.h"

namespace sluice {

grpc::ServerBidiReactor<v1::ExecRequest, v1::ExecResponse>* GuestServiceImpl::Exec(
    grpc::CallbackServerContext* context) {
  return ExecReactor::Start(lookup_, callers_.OfStream(*context), run_blocking_);
}

grpc::ServerWriteReactor<v1::ReadFileResponse>* GuestServiceImpl::ReadFile(grpc::CallbackServerContext* context,
                                                                           const v1::ReadFileRequest* request) {
  return new ReadFileReactor(lookup_, callers_.OfStream(*context), run_blocking_, *request);
}

grpc::ServerReadReactor<v1::WriteFileRequest>* GuestServiceImpl::WriteFile(grpc::CallbackServerContext* context,
                                                                           v1::WriteFileResponse* response) {
  return new WriteFileReactor(lookup_, callers_.OfStream(*context), run_blocking_, *response);
}

grpc::ServerUnaryReactor* GuestServiceImpl::WithFiles(grpc::CallbackServerContext* context,
                                                      const std::string& sandbox_id, FileWork work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<Caller> caller = callers_.OfCall(*context);
  const bool taken = run_blocking_([this, reactor, caller, &sandbox_id, work = std::move(work)] {
    const absl::StatusOr<std::unique_ptr<GuestFiles>> files = FilesOf(lookup_, caller, sandbox_id);
    reactor->Finish(ToGrpc(files.ok() ? work(**files) : files.status()));
  });
  if (!taken) reactor->Finish(ToGrpc(absl::ResourceExhaustedError("the server has too much to do")));
  return reactor;
}

grpc::ServerUnaryReactor* GuestServiceImpl::StatFile(grpc::CallbackServerContext* context,
                                                     const v1::StatFileRequest* request,
                                                     v1::StatFileResponse* response) {
  return WithFiles(context, request->sandbox_id(), [request, response](const GuestFiles& files) {
    absl::StatusOr<v1::FileInfo> file = files.Stat(request->path());
    if (file.ok()) *response->mutable_file() = *std::move(file);
    return file.status();
  });
}

grpc::ServerUnaryReactor* GuestServiceImpl::ListDirectory(grpc::CallbackServerContext* context,
                                                          const v1::ListDirectoryRequest* request,
                                                          v1::ListDirectoryResponse* response) {
  return WithFiles(context, request->sandbox_id(), [request, response](const GuestFiles& files) {
    absl::StatusOr<std::vector<v1::FileInfo>> entries = files.List(request->path());
    if (!entries.ok()) return entries.status();
    for (v1::FileInfo& entry : *entries) *response->add_entries() = std::move(entry);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* GuestServiceImpl::MakeDirectory(grpc::CallbackServerContext* context,
                                                          const v1::MakeDirectoryRequest* request,
                                                          v1::MakeDirectoryResponse*) {
  return WithFiles(context, request->sandbox_id(),
                   [request](const GuestFiles& files) { return files.MakeDirectory(*request); });
}

grpc::ServerUnaryReactor* GuestServiceImpl::RemoveFile(grpc::CallbackServerContext* context,
                                                       const v1::RemoveFileRequest* request,
                                                       v1::RemoveFileResponse*) {
  return WithFiles(context, request->sandbox_id(), [request](const GuestFiles& files) {
    return files.Remove(request->path(), request->recursive());
  });
}

}  // namespace sluice
