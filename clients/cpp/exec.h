#ifndef SLUICE_CLIENTS_CPP_EXEC_H_
#define SLUICE_CLIENTS_CPP_EXEC_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sluice/v1/guest_service.grpc.pb.h"

namespace sluice::client {

// How a program is run in a guest.
struct ExecOptions {
  using Output = std::function<void(absl::string_view)>;

  std::map<std::string, std::string> env = {};
  std::string working_directory = {};
  std::string user = {};   // "uid[:gid]". Empty: the guest's own.
  std::string input = {};  // What it finds on its standard input.
  // Past it the program is killed: DeadlineExceeded.
  absl::Duration timeout = absl::InfiniteDuration();
  // Called with each piece of output as it comes, on the caller's thread; then
  // ExecResult has nothing of it.
  Output on_stdout = {}, on_stderr = {};
  // Most that ExecResult keeps of both. Past it the program is killed:
  // ResourceExhausted.
  size_t max_output_bytes = size_t{64} << 20;
};

// How it ended, and what it said.
struct ExecResult {
  int code = 0;    // Its exit code.
  int signal = 0;  // Where a signal ended it.
  std::string out;
  std::string err;

  bool ok() const { return code == 0 && signal == 0; }
};

// What Sandbox::Exec does, for a sandbox by its id. Blocks until it ended.
absl::StatusOr<ExecResult> Exec(v1::GuestService::Stub& guests, const std::string& sandbox_id,
                                const std::vector<std::string>& args, const ExecOptions& options);

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_EXEC_H_
