#ifndef SLUICE_TESTS_E2E_SERVER_PROCESS_H_
#define SLUICE_TESTS_E2E_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/lab/lab.h"
#include "tests/lab/process.h"

namespace sluice::e2e {

// Where Bazel put a file of the workspace, by its path there.
std::string Runfile(absl::string_view path);

// The real sluiced on the lab's host, with a state directory of its own, on a
// Unix socket and on a loopback TCP port. Its lab must outlive it. One thread.
class ServerProcess {
 public:
  static constexpr absl::Duration kStartTimeout = absl::Seconds(30);
  static constexpr absl::Duration kStopTimeout = absl::Seconds(30);

  struct Options {
    std::string resolv_conf;         // Empty: the lab's.
    std::vector<std::string> flags;  // Beside those that every server of ours gets.
    // Where not 0: audit logs are on a file system of this size, in a mount
    // namespace that the test has for itself from then on.
    uint64_t audit_disk_bytes = 0;
    // Sandboxes outlive it: tests delete them.
    bool leave_sandboxes = false;
  };

  // Returns once it serves.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const lab::Lab& lab, const Options& options);
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const lab::Lab& lab);

  // Stops it, with its sandboxes, and removes its state directory.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // What the destructor does first, told: anything but a clean exit in time is
  // an error. OK where it was stopped before.
  absl::Status Stop();

  // Ends it with a signal, which leaves its sandboxes to the next.
  absl::Status End(int signal);
  // Starts it anew on the same state directory, on other ports.
  absl::Status Restart() { return Spawn(); }
  absl::Status KillAndRestart();

  pid_t pid() const { return process_->pid(); }
  const std::string& state_dir() const { return state_dir_; }
  // "unix:PATH", which works from any network namespace.
  std::string unix_address() const;
  std::string socket_path() const;
  // On the lab host's loopback.
  uint16_t tcp_port() const { return tcp_port_; }
  // The same; 0 without --metrics_listen=127.0.0.1:0.
  uint16_t metrics_port() const { return metrics_port_; }

 private:
  ServerProcess(const lab::Lab& lab, std::string state_dir) : lab_(lab), state_dir_(std::move(state_dir)) {}

  absl::Status Spawn();

  absl::Status AwaitReady();

  const lab::Lab& lab_;
  const std::string state_dir_;
  std::vector<std::string> argv_;
  std::unique_ptr<lab::Process> process_;
  uint16_t tcp_port_ = 0;
  uint16_t metrics_port_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_SERVER_PROCESS_H_
