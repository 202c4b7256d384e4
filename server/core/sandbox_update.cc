#include "server/core/sandbox_update.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/field_mask_util.h"
#include "netsvc/base/field_error.h"
#include "server/core/audit_retention.h"
#include "server/core/field_checks.h"
#include "server/core/labels.h"
#include "server/core/network_validation.h"

namespace sluice {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

constexpr absl::string_view kLabels = "labels";
constexpr absl::string_view kLabelPrefix = "labels.";

bool IsLabelPath(absl::string_view path) {
  return path == kLabels || (absl::StartsWith(path, kLabelPrefix) && path.size() > kLabelPrefix.size());
}

bool IsNetworkPath(const std::string& path) {
  for (const absl::string_view part : {"network.dns", "network.limits", "network.audit"}) {
    if (path == part) return true;
    if (absl::StartsWith(path, absl::StrCat(part, "."))) return FieldMaskUtil::IsValidPath<v1::Sandbox>(path);
  }
  return false;
}

void ApplyLabels(absl::string_view path, const Labels& from, Labels& to) {
  if (path == kLabels) {
    to = from;
    return;
  }
  const std::string key(absl::StripPrefix(path, kLabelPrefix));
  const auto found = from.find(key);
  if (found == from.end()) {
    to.erase(key);
  } else {
    to[key] = found->second;
  }
}

}  // namespace

absl::Status CheckUpdate(const v1::UpdateSandboxRequest& request) {
  if (!request.has_sandbox()) return FieldError("sandbox", "is required");
  const absl::Status status = CheckSandboxId("sandbox.id", request.sandbox().id());
  if (!status.ok()) return status;
  const FieldMask& mask = request.update_mask();
  if (mask.paths().empty()) return FieldError("update_mask", "is required");
  for (int i = 0; i < mask.paths_size(); ++i) {
    if (IsLabelPath(mask.paths(i)) || IsNetworkPath(mask.paths(i))) continue;
    return FieldError(absl::StrCat("update_mask.paths[", i, "]"),
                      "must be labels, network.dns, network.limits, network.audit, or a part of them");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Sandbox> ApplyUpdate(const v1::UpdateSandboxRequest& request, const v1::Sandbox& current) {
  v1::Sandbox updated = current;
  FieldMask network;
  for (const std::string& path : request.update_mask().paths()) {
    if (IsLabelPath(path)) {
      ApplyLabels(path, request.sandbox().labels(), *updated.mutable_labels());
    } else {
      network.add_paths(path);
    }
  }
  FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(request.sandbox(), network, replace, &updated);
  absl::Status status = CheckLabels("sandbox.labels", updated.labels());
  if (status.ok()) status = CheckDns("sandbox.network.dns", *updated.mutable_network()->mutable_dns());
  if (status.ok()) status = CheckLimits("sandbox.network.limits", updated.network().limits());
  if (status.ok() && updated.network().has_audit()) {
    status = CheckAudit("sandbox.network.audit", *updated.mutable_network()->mutable_audit());
  }
  if (!status.ok()) return status;
  return updated;
}

}  // namespace sluice
