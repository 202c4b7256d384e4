#ifndef SLUICE_SERVER_GUEST_GUEST_AGENT_H_
#define SLUICE_SERVER_GUEST_GUEST_AGENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/guest/guest_process.h"
#include "server/guest/json_socket.h"

namespace sluice {

// The QEMU guest agent in a virtual machine (qemu-guest-agent), over its serial
// port. It runs with all rights in the guest; what it says is not trusted. Any
// thread; calls wait for one another, and block.
//
// Errors: FailedPrecondition where no agent answers within kAnswerTimeout, or it
// refuses what it is asked.
class GuestAgent {
 public:
  static constexpr absl::Duration kAnswerTimeout = absl::Seconds(10);

  // Connects to QEMU's end of the port; once a connection has failed, again.
  using Connect = std::function<absl::StatusOr<UniqueFd>()>;
  explicit GuestAgent(Connect connect) : connect_(std::move(connect)) {}

  // That one answers, or has answered and not failed to since. One caller at a time
  // waits for a first answer, and others are told that there is none: a guest without
  // an agent holds up one thread, however often it is asked for.
  absl::Status Ping();

  // Starts a program, with `input` as its standard input, and returns its number. Of
  // `program` args count, and no others.
  // NotFound where there is no such program. Output is kept by the agent, up to
  // 16 MiB of each stream, until it is asked for.
  absl::StatusOr<int64_t> Start(const ExecOptions& program, const std::string& input);
  // Likewise; its standard input is the reading end of a pipe, which others in the guest
  // reach as /proc/NUMBER/fd/0, and whose writing end nobody keeps open.
  absl::StatusOr<int64_t> StartWithPipe(const ExecOptions& program);

  struct Outcome {
    bool exited = false;
    ProcessExit exit;
    std::string out;
    std::string err;
    bool truncated = false;  // there was more output than the agent keeps
  };
  // The outcome of one that has exited is told once.
  absl::StatusOr<Outcome> Ask(int64_t pid);

  // Files. `mode` is fopen's; NotFound and FailedPrecondition carry the agent's words.
  absl::StatusOr<int64_t> OpenFile(const std::string& path, const char* mode);
  absl::Status SeekFile(int64_t handle, uint64_t offset);
  // `count` bytes at most; empty at the end.
  absl::StatusOr<std::string> ReadFile(int64_t handle, size_t count);
  absl::Status WriteFile(int64_t handle, absl::string_view data);
  absl::Status CloseFile(int64_t handle);

  // The guest ends: every call fails from now on.
  void Close() { closed_ = true; }
  bool closed() const { return closed_; }

 private:
  // `input`: in base64; none: there is nothing to read.
  absl::StatusOr<int64_t> Execute(const ExecOptions& program, const std::optional<std::string>& input);
  absl::StatusOr<nlohmann::json> Call(const char* command, const nlohmann::json& arguments);
  absl::Status Open(absl::Time deadline) REQUIRES(mutex_);

  const Connect connect_;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> answers_ = false;
  std::atomic<bool> awaited_ = false;  // a first answer
  // Calls without an answer: those that waited behind one fail with it, so that an
  // agent that falls silent holds nobody up longer than once.
  std::atomic<uint64_t> failures_ = 0;
  Mutex mutex_;
  std::unique_ptr<JsonSocket> socket_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_AGENT_H_
