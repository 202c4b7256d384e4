#ifndef SLUICE_SERVER_GUEST_AGENT_TOOLS_H_
#define SLUICE_SERVER_GUEST_AGENT_TOOLS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_process.h"
#include "server/guest/guest_user.h"

namespace sluice {

// Which of a virtual machine's own programs give another its user and its terminal,
// for its agent knows of neither; a value.
struct AgentTools {
  enum class User {
    kAgent,    // none is needed: it is the agent's own
    kSetpriv,  // util-linux
    kChroot,   // coreutils
    kSu,       // busybox, or any other; takes a user that has a name
  };
  enum class Terminal {
    kNone,    // none is asked for
    kScript,  // util-linux
    kPython,
  };

  User user = User::kAgent;
  std::string user_program = {};  // its path; not of kAgent
  GuestUser id = {};         // who the program runs as, where one is asked for
  std::string name = {};     // of that user, in the guest; may be empty
  std::string groups = {};   // beside its own: of a user that was asked for by name; "27,100"
  std::string home = {};     // of that user; empty where none is asked for
  Terminal terminal = Terminal::kNone;
  std::string terminal_program = {};  // its path; not of kNone
};

// Looks for what `options` take; asks the guest nothing where that is nothing. Blocks.
// FieldError of "working_directory" or "user" where the guest does not have it, or the
// user is not a name, "uid" or "uid:gid"; FailedPrecondition, which says what is
// missing; DeadlineExceeded past `timeout`.
absl::StatusOr<AgentTools> FindTools(GuestAgent& agent, const ExecOptions& options, absl::Duration timeout);

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_TOOLS_H_
