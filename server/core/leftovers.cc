#include "server/core/leftovers.h"

#include "absl/strings/str_cat.h"
#include "server/worker/egress_backstop.h"
#include "server/worker/netsvc_launcher.h"

namespace sluice {

std::vector<std::string> RemoveLeftovers(const StateDirectory& state, const std::string& backstop_home) {
  std::vector<std::string> problems;
  for (const std::string& uid : state.SandboxUids()) {
    absl::Status status = KillLeftoverWorker(state.sandbox(uid));
    if (status.ok() && !backstop_home.empty()) RemoveLeftoverBackstop(backstop_home, uid);
    if (status.ok()) status = state.RemoveSandbox(uid);
    if (!status.ok()) problems.push_back(absl::StrCat("what is left of sandbox ", uid, ": ", status.message()));
  }
  return problems;
}

}  // namespace sluice
