#ifndef SLUICE_SERVER_GUEST_LOCAL_AGENT_H_
#define SLUICE_SERVER_GUEST_LOCAL_AGENT_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/guest/guest_agent.h"

namespace sluice {

// Debian's own agent, which runs on this machine as it does in another. For tests, as
// root. One thread: it, and what is mounted from then on, has a mount namespace of its
// own, which is the agent's too.
class LocalAgent {
 public:
  ~LocalAgent();

  // Returns once it answers.
  absl::Status Start();

  const std::shared_ptr<GuestAgent>& agent() const { return agent_; }
  // Of a directory of the test's own, which is emptied at the end.
  std::string At(const std::string& path) const;

 private:
  std::string directory_;
  pid_t pid_ = 0;
  std::shared_ptr<GuestAgent> agent_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_LOCAL_AGENT_H_
