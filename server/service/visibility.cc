#include "server/service/visibility.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace sluice {
namespace {

absl::Status NotOwn(const Caller& caller) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : caller.scope) pairs.push_back(absl::StrCat(key, "=", value));
  std::sort(pairs.begin(), pairs.end());
  return absl::PermissionDeniedError(
      absl::StrCat("sandbox.labels: this caller's sandboxes bear ", absl::StrJoin(pairs, " and ")));
}

// Does the update leave the labels that `caller` must have on its sandboxes?
bool Keeps(const std::string& path, const Labels& labels, const Caller& caller) {
  if (path == "labels") return caller.Sees(labels);
  absl::string_view key = path;
  if (!absl::ConsumePrefix(&key, "labels.")) return true;
  const auto wanted = caller.scope.find(std::string(key));
  if (wanted == caller.scope.end()) return true;
  const auto found = labels.find(wanted->first);
  return found != labels.end() && found->second == wanted->second;
}

}  // namespace

absl::Status CheckSeen(const SandboxManager& manager, const std::string& sandbox_id, const Caller& caller) {
  if (caller.scope.empty()) return absl::OkStatus();
  v1::GetSandboxRequest request;
  request.set_sandbox_id(sandbox_id);
  const absl::StatusOr<SandboxSnapshotPtr> sandbox = manager.Get(request);
  if (absl::IsInvalidArgument(sandbox.status())) return absl::OkStatus();
  if (!sandbox.ok()) return sandbox.status();
  if (caller.Sees((*sandbox)->basic().labels())) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no sandbox ", sandbox_id));
}

absl::Status CheckCreatesOwn(const v1::CreateSandboxRequest& request, const Caller& caller) {
  return caller.Sees(request.sandbox().labels()) ? absl::OkStatus() : NotOwn(caller);
}

absl::Status CheckKeepsOwn(const v1::UpdateSandboxRequest& request, const Caller& caller) {
  for (const std::string& path : request.update_mask().paths()) {
    if (!Keeps(path, request.sandbox().labels(), caller)) return NotOwn(caller);
  }
  return absl::OkStatus();
}

}  // namespace sluice
