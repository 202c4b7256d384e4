#ifndef SLUICE_CLIENTS_CLI_FILE_CALLS_H_
#define SLUICE_CLIENTS_CLI_FILE_CALLS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cli/client.h"
#include "clients/cli/signal_watch.h"

namespace sluice::cli {

// Why a copy failed: on the server's side, or on ours.
struct CopyStatus {
  grpc::Status remote;
  absl::Status local;

  bool ok() const { return remote.ok() && local.ok(); }
};

// The files of one sandbox's guest, as the API has them. A signal cancels the
// call that is under way and those that follow. One thread.
class FileCalls {
 public:
  // Takes what is read; its error ends the reading.
  using Sink = std::function<absl::Status(absl::string_view)>;
  // What comes next; empty at the end.
  using Source = std::function<absl::StatusOr<std::string>()>;

  static constexpr size_t kChunkSize = 64 << 10;  // bytes; the API takes a few MB

  // Both outlive it.
  FileCalls(Client& client, SignalWatch& signals, std::string sandbox)
      : client_(client), signals_(signals), sandbox_(std::move(sandbox)) {}

  const std::string& sandbox() const { return sandbox_; }

  grpc::Status Stat(const std::string& path, v1::FileInfo& file);
  grpc::Status List(const std::string& path, std::vector<v1::FileInfo>& files);
  // One that is there will do.
  grpc::Status MakeDirectory(const std::string& path, uint32_t mode);
  CopyStatus Read(const std::string& path, const Sink& sink);
  // The file appears once all of `source` was taken.
  CopyStatus Write(const std::string& path, uint32_t mode, const Source& source);

 private:
  Client& client_;
  SignalWatch& signals_;
  const std::string sandbox_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_FILE_CALLS_H_
