#ifndef SLUICE_SERVER_CORE_STATE_DIRECTORY_H_
#define SLUICE_SERVER_CORE_STATE_DIRECTORY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Where a server keeps what must outlive it:
//
//     lock                      held by the server that runs
//     state.db                  see StateStore
//     sandboxes/UID/            worker.sock, worker.pid
//     sandboxes/UID/sockets/    the worker's own: dns.sock, numbers
//     audit/                    see AuditArchive
//
// All of it has mode 0700. Any thread.
class StateDirectory {
 public:
  // Makes it where it is missing and locks it until destruction.
  // FailedPrecondition, one sentence, where another server has it or it cannot
  // be written.
  static absl::StatusOr<std::unique_ptr<StateDirectory>> Open(const std::string& path);

  std::string sandbox(absl::string_view uid) const;
  std::string sockets(absl::string_view uid) const;
  std::string audit() const;
  std::string database() const;

  // The directories of one sandbox.
  absl::Status MakeSandbox(absl::string_view uid) const;
  absl::Status RemoveSandbox(absl::string_view uid) const;
  // Uids of the sandboxes that have directories.
  std::vector<std::string> SandboxUids() const;

 private:
  StateDirectory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const UniqueFd lock_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_STATE_DIRECTORY_H_
