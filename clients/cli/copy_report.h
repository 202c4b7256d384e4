#ifndef SLUICE_CLIENTS_CLI_COPY_REPORT_H_
#define SLUICE_CLIENTS_CLI_COPY_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clients/cli/client.h"
#include "clients/cli/file_calls.h"
#include "clients/cli/progress.h"
#include "clients/cli/signal_watch.h"

namespace sluice::cli {

// What a copy has done so far, and how it will end. What cannot be copied is
// told at once; the rest is copied all the same. One thread.
class CopyReport {
 public:
  // Both outlive it.
  CopyReport(const Client& client, const SignalWatch& signals) : client_(client), signals_(signals) {}

  // A file of `size` bytes (0: nobody knows) is copied from now on.
  void BeginFile(absl::string_view path, uint64_t size);
  // Bytes of it were.
  void Add(uint64_t bytes);
  // It was, as a whole or not at all: see `status`.
  void EndFile(const CopyStatus& status);

  void Fail(absl::string_view path, const CopyStatus& status);
  // A person shall know that it was left out.
  void Skip(absl::string_view path, absl::string_view why);

  // True once there is no sense in going on: a signal came, or no server answers.
  bool stopped() const;
  // For the process.
  int exit_code() const;

  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t skipped() const { return skipped_; }

 private:
  const Client& client_;
  const SignalWatch& signals_;
  int failure_ = 0;  // an exit code
  std::string path_;
  uint64_t size_ = 0;
  uint64_t done_ = 0;
  std::optional<Progress> progress_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;  // of them
  uint64_t skipped_ = 0;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COPY_REPORT_H_
