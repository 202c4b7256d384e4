#ifndef SLUICE_SERVER_GUEST_AGENT_OUTPUT_H_
#define SLUICE_SERVER_GUEST_AGENT_OUTPUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_process.h"

namespace sluice {

// One of the streams that a program in a guest prints to: a pipe there, which a process
// of the guest, the holder, keeps until all was read. The agent has its writing end open
// until Exited(), so that a fetch that comes before the program has opened it waits.
//
// The agent tells what a program printed when that has ended, and no earlier. So one is
// started for each piece that is fetched, and ends with it. Nothing is read ahead: the
// guest keeps the pipe (64 KiB), and a piece of at most AgentOutput::kMaxPiece while
// that is under way. One thread, which blocks while the agent is asked.
class AgentOutput {
 public:
  static constexpr size_t kMaxPiece = 1 << 20;  // bytes

  // Starts the holder. Errors as of GuestAgent::Start.
  static absl::StatusOr<AgentOutput> Open(std::shared_ptr<GuestAgent> agent, ProcessEvent::Kind kind);

  // The agent opens the pipe, for the program to be started after. Once.
  absl::Status HoldOpen();
  // The program has ended, or is not to be: the agent closes the pipe.
  absl::Status Exited();

  ProcessEvent::Kind kind() const { return kind_; }
  int64_t holder() const { return holder_; }
  // Nothing comes any more.
  bool ended() const { return ended_; }
  bool fetching() const { return fetch_ != 0; }

  // Starts to fetch what is printed next; `exited`: of what the program has left, which
  // has ended. Not while fetching(), nor once ended().
  absl::Status Fetch(bool exited);
  // What was fetched: nothing yet where fetching(), nothing more where ended(). More than
  // was asked for is FailedPrecondition, and so is a fetch that fails.
  absl::StatusOr<std::string> Take();

  // Output ends before these words, which are about to be printed.
  void EndAt(std::string mark) { mark_ = std::move(mark); }

  // Of the guest, to be killed at the end.
  std::vector<int64_t> processes() const { return {holder_, fetch_}; }

 private:
  AgentOutput(std::shared_ptr<GuestAgent> agent, ProcessEvent::Kind kind, int64_t holder)
      : agent_(std::move(agent)), kind_(kind), holder_(holder) {}

  std::string UpToMark(const std::string& piece);

  std::shared_ptr<GuestAgent> agent_;
  ProcessEvent::Kind kind_;
  int64_t holder_;
  std::optional<int64_t> writer_;  // a file that the agent has open
  int64_t fetch_ = 0;              // a process of the guest, or none
  bool exited_ = false;     // before that was started
  bool is_behind_ = false;  // the pipe was full
  bool ended_ = false;
  std::string mark_;
  std::string kept_;  // of the last piece: what may be the beginning of the mark
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_OUTPUT_H_
