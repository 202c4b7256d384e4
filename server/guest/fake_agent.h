#ifndef SLUICE_SERVER_GUEST_FAKE_AGENT_H_
#define SLUICE_SERVER_GUEST_FAKE_AGENT_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "nlohmann/json.hpp"

namespace sluice {

// Stands for the agent, for tests: programs are what `answer` makes of a call. That runs
// on a thread of its own, which ends with this.
class FakeAgent {
 public:
  using Answer = std::function<nlohmann::json(const std::string& command, const nlohmann::json& arguments)>;

  explicit FakeAgent(Answer answer);
  ~FakeAgent();

  // Says nothing more, and takes nobody in.
  void Leave();
  // Once.
  absl::StatusOr<UniqueFd> Connect();

 private:
  void Serve();

  const Answer answer_;
  UniqueFd own_;
  UniqueFd other_;
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_FAKE_AGENT_H_
