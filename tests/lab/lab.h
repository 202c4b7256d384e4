#ifndef SLUICE_TESTS_LAB_LAB_H_
#define SLUICE_TESTS_LAB_LAB_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/lab/process.h"

namespace sluice::lab {

// The lab's network namespaces: the machine under test, the internet, the LAN.
enum class Ns { kHost, kInet, kLan };

// A lab of the test's own: see README.md beside this file for what is in it.
// Needs root, and a test that runs outside Bazel's sandbox (tags = ["local"]).
// Any thread, once created.
class Lab {
 public:
  // For commands that are not expected to take long at all.
  static constexpr absl::Duration kCommandTimeout = absl::Seconds(30);

  struct Options {
    // Where up, down and shell are. Empty: in Bazel's runfiles.
    std::string script_dir;
    // Whether the kernel of the lab host offers unprivileged ping sockets.
    bool ping_sockets = true;
  };

  // Builds a lab with a name that no other has. Every daemon of it answers.
  static absl::StatusOr<std::unique_ptr<Lab>> Create(const Options& options);
  static absl::StatusOr<std::unique_ptr<Lab>> Create();

  // Takes the lab away, with every process in its namespaces.
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // What the destructor does, told. Once it has succeeded there is no lab.
  absl::Status Down();

  const std::string& name() const { return name_; }
  // Files of the lab, by their path below its run directory: "tls/ca.pem",
  // "resolv.conf", "log/web.access", "www/big".
  std::string Path(absl::string_view file) const;
  std::string NetnsPath(Ns ns) const;

  // Runs a command to its end, with the lab's resolvers and CA in place.
  absl::StatusOr<CommandResult> RunIn(Ns ns, const std::vector<std::string>& argv,
                                      absl::Duration timeout = kCommandTimeout) const;
  absl::StatusOr<CommandResult> RunInHost(const std::vector<std::string>& argv,
                                          absl::Duration timeout = kCommandTimeout) const;

  // Starts a program that goes on. It keeps the test's mounts, so
  // /etc/resolv.conf is the machine's: name Path("resolv.conf") where it matters.
  absl::StatusOr<std::unique_ptr<Process>> Spawn(Ns ns, const std::vector<std::string>& argv,
                                                 const Process::Options& options = {}) const;

  // Moves the calling thread into the lab's host namespace, for good.
  absl::Status EnterHost() const;

  // How many lines the access log of a service has (README.md names them), of
  // those that contain `containing`. nginx writes its line after the answer:
  // wait for one that must come, and use a Sniffer for one that must not.
  absl::StatusOr<int> RequestsSeen(absl::string_view service,
                                   absl::string_view containing = "") const;

  // Waits until RequestsSeen is at least `count`. DeadlineExceeded.
  absl::Status AwaitRequests(absl::string_view service, int count,
                             absl::string_view containing = "") const;

 private:
  Lab(std::string name, std::string script_dir);

  std::string Script(absl::string_view script) const;

  const std::string name_;
  const std::string script_dir_;
  bool down_ = false;
};

}  // namespace sluice::lab

#endif  // SLUICE_TESTS_LAB_LAB_H_
