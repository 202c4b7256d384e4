#ifndef SLUICE_SERVER_GUEST_AGENT_SCRIPT_H_
#define SLUICE_SERVER_GUEST_AGENT_SCRIPT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/guest/guest_agent.h"

namespace sluice {

// A script for a guest's /bin/sh that does something to a path.
struct AgentScript {
  // What it exits with, beside 0.
  static constexpr int kNotThere = 101;
  static constexpr int kNotRegular = 102;
  static constexpr int kNotDirectory = 103;
  static constexpr int kTooMuch = 104;

  const char* text;
  std::vector<std::string> args;  // "$1" and so on
  std::string path;               // for errors
};

// Runs a program to its end. DeadlineExceeded past `timeout`, after which it may still
// run; FailedPrecondition where the guest does not have it. Blocks.
absl::StatusOr<GuestAgent::Outcome> RunToEnd(GuestAgent& agent, const ExecOptions& program, absl::Duration timeout);

// Runs it to its end, and returns what it printed. Errors as of FileError, from its
// exit code or the last line that it printed to stderr; FailedPrecondition with that
// line where it says nothing known; DeadlineExceeded past `timeout`, after which it
// may still run. Blocks.
absl::StatusOr<std::string> RunScript(GuestAgent& agent, const AgentScript& script, absl::Duration timeout);

// What the guest says, for an error: its first line, of which a part is enough.
std::string GuestWords(absl::string_view text);

// What the guest's words, which end in those of an errno, say about `path`.
absl::Status ExplainGuestError(absl::string_view words, const std::string& path);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_SCRIPT_H_
