#include "server/guest/agent_script.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "server/guest/guest_files.h"
#include "server/guest/guest_root.h"

namespace sluice {
namespace {

constexpr absl::Duration kFirstWait = absl::Milliseconds(2);
constexpr absl::Duration kLongestWait = absl::Milliseconds(100);
constexpr size_t kMaxWords = 200;  // bytes of the guest's own in an error

}  // namespace

absl::StatusOr<GuestAgent::Outcome> RunToEnd(GuestAgent& agent, const ExecOptions& program, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  const absl::StatusOr<int64_t> pid = agent.Start(program, "");
  if (absl::IsNotFound(pid.status())) {
    return absl::FailedPreconditionError(absl::StrCat("the guest has no ", program.args.front(), ", which this takes"));
  }
  if (!pid.ok()) return pid.status();
  for (absl::Duration wait = kFirstWait; absl::Now() < deadline; wait = std::min(wait * 2, kLongestWait)) {
    absl::StatusOr<GuestAgent::Outcome> outcome = agent.Ask(*pid);
    if (!outcome.ok() || outcome->exited) return outcome;
    absl::SleepFor(wait);
  }
  return absl::DeadlineExceededError(absl::StrCat("the guest took longer than ", absl::FormatDuration(timeout)));
}

std::string GuestWords(absl::string_view text) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  return FileNameToUtf8(std::string(line.substr(0, kMaxWords)));
}

absl::Status ExplainGuestError(absl::string_view words, const std::string& path) {
  const std::vector<absl::string_view> lines = absl::StrSplit(absl::StripAsciiWhitespace(words), '\n');
  const absl::string_view line = lines.back();
  for (const int error : {ENOENT, EEXIST, EACCES, EPERM, ENOTDIR, ENOTEMPTY, EISDIR, ELOOP, EBUSY, EROFS, ENOSPC, EDQUOT,
                          EFBIG, ENAMETOOLONG}) {
    if (absl::EndsWith(line, strerrordesc_np(error))) return FileError(error, path);
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the guest says of ", path, ": ", GuestWords(line)));
}

absl::StatusOr<std::string> RunScript(GuestAgent& agent, const AgentScript& script, absl::Duration timeout) {
  // In English, whatever the guest speaks.
  ExecOptions options = {.args = {"/bin/sh", "-c", absl::StrCat("export LC_ALL=C\n", script.text), "sluice"}};
  options.args.insert(options.args.end(), script.args.begin(), script.args.end());
  absl::StatusOr<GuestAgent::Outcome> outcome = RunToEnd(agent, options, timeout);
  if (!outcome.ok()) return outcome.status();
  const bool ended = outcome->exit.signal == 0;
  if (ended && outcome->exit.code == 0 && !outcome->truncated) return std::move(outcome->out);
  switch (outcome->exit.code) {
    case AgentScript::kNotThere:
      return FileError(ENOENT, script.path);
    case AgentScript::kNotRegular:
      return absl::FailedPreconditionError(absl::StrCat(script.path, " is not a regular file"));
    case AgentScript::kNotDirectory:
      return FileError(ENOTDIR, script.path);
  }
  if (outcome->truncated || outcome->exit.code == AgentScript::kTooMuch) {
    return absl::ResourceExhaustedError(absl::StrCat(script.path, " has more entries than one answer holds"));
  }
  return ExplainGuestError(ended ? outcome->err : "it was killed", script.path);
}

}  // namespace sluice
