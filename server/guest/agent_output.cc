#include "server/guest/agent_output.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/guest/agent_command.h"
#include "server/guest/agent_script.h"

namespace sluice {

static_assert(kFetchedBlocks * kPipeSize == AgentOutput::kMaxPiece);

absl::StatusOr<AgentOutput> AgentOutput::Open(std::shared_ptr<GuestAgent> agent, ProcessEvent::Kind kind) {
  const absl::StatusOr<int64_t> holder = agent->StartWithPipe({.args = HolderCommand()});
  if (!holder.ok()) return holder.status();
  return AgentOutput(std::move(agent), kind, *holder);
}

absl::Status AgentOutput::HoldOpen() {
  const absl::StatusOr<int64_t> writer = agent_->OpenFile(PipePath(holder_), "a");
  if (!writer.ok()) return writer.status();
  writer_ = *writer;
  return absl::OkStatus();
}

absl::Status AgentOutput::Exited() {
  return writer_ ? agent_->CloseFile(*std::exchange(writer_, std::nullopt)) : absl::OkStatus();
}

absl::Status AgentOutput::Fetch(bool exited) {
  exited_ = exited;
  const absl::StatusOr<int64_t> fetch = agent_->Start({.args = FetchCommand(holder_, is_behind_)}, "");
  if (!fetch.ok()) return fetch.status();
  fetch_ = *fetch;
  return absl::OkStatus();
}

absl::StatusOr<std::string> AgentOutput::Take() {
  if (fetch_ == 0) return "";
  const absl::StatusOr<GuestAgent::Outcome> outcome = agent_->Ask(fetch_);
  if (!outcome.ok()) return outcome.status();
  if (!outcome->exited) return "";
  fetch_ = 0;
  if (outcome->out.size() > (is_behind_ ? kMaxPiece : kPipeSize)) {
    return absl::FailedPreconditionError("the guest's agent says more than it was asked for");
  }
  if (outcome->out.empty() && (outcome->exit.code != 0 || outcome->exit.signal != 0)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the guest does not read what its program prints: ", GuestWords(outcome->err)));
  }
  is_behind_ = outcome->out.size() >= kPipeSize;
  std::string data = UpToMark(outcome->out);
  // One read takes all that is in the pipe.
  if (outcome->out.empty() || (exited_ && !is_behind_)) ended_ = true;
  return ended_ ? data + std::exchange(kept_, "") : data;
}

std::string AgentOutput::UpToMark(const std::string& piece) {
  if (mark_.empty()) return piece;
  std::string data = std::exchange(kept_, "") + piece;
  const size_t found = data.find(mark_);
  ended_ = found != data.npos;
  if (ended_) return data.substr(0, found);
  const size_t told = data.size() - std::min(data.size(), mark_.size() - 1);
  kept_ = data.substr(told);
  return data.substr(0, told);
}

}  // namespace sluice
