#include "server/core/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/core/directory.h"

namespace sluice {
namespace {

absl::Status NotUsable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the state directory ", path, " cannot be used: ", why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateDirectory>> StateDirectory::Open(const std::string& path) {
  absl::Status status = MakeDirectories(path);
  if (!status.ok()) return NotUsable(path, status.message());
  UniqueFd lock(open(absl::StrCat(path, "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return NotUsable(path, strerror(errno));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return NotUsable(path, "another sluiced is using it");
  std::unique_ptr<StateDirectory> state(new StateDirectory(path, std::move(lock)));
  status = MakeDirectory(absl::StrCat(path, "/sandboxes"));
  if (status.ok()) status = MakeDirectory(state->audit());
  if (!status.ok()) return NotUsable(path, status.message());
  return state;
}

std::string StateDirectory::sandbox(absl::string_view uid) const { return absl::StrCat(path_, "/sandboxes/", uid); }

std::string StateDirectory::sockets(absl::string_view uid) const { return absl::StrCat(sandbox(uid), "/sockets"); }

std::string StateDirectory::audit() const { return absl::StrCat(path_, "/audit"); }

std::string StateDirectory::database() const { return absl::StrCat(path_, "/state.db"); }

absl::Status StateDirectory::MakeSandbox(absl::string_view uid) const {
  const absl::Status status = MakeDirectory(sandbox(uid));
  return status.ok() ? MakeDirectory(sockets(uid)) : status;
}

absl::Status StateDirectory::RemoveSandbox(absl::string_view uid) const { return RemoveTree(sandbox(uid)); }

std::vector<std::string> StateDirectory::SandboxUids() const { return ListNames(absl::StrCat(path_, "/sandboxes")); }

}  // namespace sluice
