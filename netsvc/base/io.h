#ifndef SLUICE_NETSVC_BASE_IO_H_
#define SLUICE_NETSVC_BASE_IO_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// A status with errno's code and text: "open /dev/net/tun: Permission denied".
absl::Status ErrnoError(int error, absl::string_view what);

// All of `data`, past interrupts and short writes. Blocking descriptors.
absl::Status WriteAll(int fd, absl::string_view data);

// A whole file of at most `limit` bytes. NotFound, or OutOfRange when larger.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit);

// Creates or replaces `path` with `data`.
absl::Status WriteFile(const std::string& path, absl::string_view data, unsigned mode = 0644);

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_IO_H_
