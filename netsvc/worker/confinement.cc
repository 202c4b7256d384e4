#include "netsvc/worker/confinement.h"

#include <errno.h>
#include <fcntl.h>

#include <array>

#include "netsvc/base/io.h"
#include "netsvc/worker/empty_root.h"
#include "netsvc/worker/privileges.h"
#include "netsvc/worker/syscall_filter.h"

namespace sluice {
namespace {

// A socket or two a flow, and max_flows can be raised while the worker runs
// (server/core/network_validation.cc has its limit).
constexpr uint64_t kOpenFiles = uint64_t{1} << 21;
// libslirp buffers 256 KiB a TCP connection at the most: the default of 16,384
// flows all full.
constexpr uint64_t kMemory = uint64_t{4} << 30;

}  // namespace

absl::StatusOr<Confined> Confine(ConfinementOptions options) {
  const std::array<RootEntry, 2> entries = {
      {{"log", options.log_directory.get()}, {"run", options.run_directory.get()}}};
  absl::Status status = EnterEmptyRoot(entries);
  if (!status.ok()) return status;
  // These two led out of the new root.
  options.log_directory.reset(open("/log", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!options.log_directory.valid()) return ErrnoError(errno, "open /log");
  options.run_directory.reset();
  status = LimitProcess({.open_files = kOpenFiles, .memory_bytes = kMemory});
  if (status.ok()) status = DropPrivileges(options.uid);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Sanitizers make calls of their own.
  if (status.ok()) status = FilterSyscalls();
#endif
  if (!status.ok()) return status;
  return Confined{std::move(options.log_directory), "/run"};
}

}  // namespace sluice
