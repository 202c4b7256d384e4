#ifndef SLUICE_SERVER_GUEST_JSON_SOCKET_H_
#define SLUICE_SERVER_GUEST_JSON_SOCKET_H_

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Calls over a stream of JSON lines, as QEMU's monitor (QMP) and its guest agent
// take them. What the other side says is not trusted. One thread at a time; calls
// block.
class JsonSocket {
 public:
  // Of one line: past it the stream is given up. The agent's longest answer has two
  // streams of 16 MiB, in base64 (qga/commands.c, GUEST_EXEC_MAX_OUTPUT).
  static constexpr size_t kMaxLine = 48 << 20;
  // Bytes of a refusal that are told: a path fits in.
  static constexpr size_t kMaxRefusal = 8 << 10;
  // A line with more is passed over: values within values, and values side by side.
  static constexpr int kMaxDepth = 16;
  static constexpr size_t kMaxValues = 4096;

  // `socket`: a connected, non-blocking stream socket.
  explicit JsonSocket(UniqueFd socket) : socket_(std::move(socket)) {}

  // The "return" of `command`. FailedPrecondition with what the other side says
  // where it refuses; DeadlineExceeded, or Unavailable where it has closed the
  // stream or speaks no JSON, after which it is of no more use. Lines that answer
  // no call (greetings, events) are passed over.
  absl::StatusOr<nlohmann::json> Call(absl::string_view command, const nlohmann::json& arguments, absl::Time deadline);

  // What makes the agent forget half a command of an earlier caller's (QEMU's
  // guest agent protocol reference, guest-sync-delimited).
  absl::Status Synchronize(absl::Time deadline);

 private:
  absl::Status SendLine(absl::string_view line, absl::Time deadline);
  absl::StatusOr<std::string> ReceiveLine(absl::Time deadline);
  absl::Status Await(short events, absl::Time deadline) const;

  UniqueFd socket_;
  std::string received_;
  uint64_t calls_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_JSON_SOCKET_H_
