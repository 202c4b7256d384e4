#ifndef SLUICE_SERVER_WORKER_MESSAGE_SOCKET_H_
#define SLUICE_SERVER_WORKER_MESSAGE_SOCKET_H_

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

// The framing of sluice.internal.v1: each message after its length, 4 bytes
// big-endian; descriptors with the first of these bytes. `socket` is a
// non-blocking stream socket. Errors: DeadlineExceeded, Unavailable (the other
// side is gone); after either the stream is of no use any more.

namespace sluice {

// A request may be this long.
inline constexpr size_t kMaxMessage = 64 << 20;  // protos/sluice/internal/v1/worker.proto
inline constexpr size_t kMaxDescriptors = 16;  // the same

absl::Status SendMessage(int socket, absl::string_view message, std::span<const int> descriptors, absl::Time deadline);

absl::StatusOr<std::string> ReceiveMessage(int socket, absl::Time deadline);

// With the descriptor that rides on it, if any; further ones are closed. One of more
// than `max_size` bytes is Unavailable.
struct ReceivedMessage {
  std::string bytes;
  UniqueFd descriptor;
};
absl::StatusOr<ReceivedMessage> ReceiveWithDescriptor(int socket, size_t max_size, absl::Time deadline);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_MESSAGE_SOCKET_H_
