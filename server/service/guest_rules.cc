#include "server/service/guest_rules.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

absl::Status Denied(absl::string_view field, absl::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("sandbox.guest.", field, ": ", why));
}

absl::Status CheckPath(absl::string_view field, const std::string& path, const GuestRules& rules) {
  if (path.empty() || rules.has_path_roots) return absl::OkStatus();
  return Denied(field, "only administrators name paths of the host: this server has no --guest_path_roots");
}

absl::Status CheckVm(const v1::VmGuest& vm, const GuestRules& rules) {
  absl::Status status = CheckPath("vm.kernel", vm.kernel(), rules);
  if (status.ok()) status = CheckPath("vm.initrd", vm.initrd(), rules);
  if (status.ok()) status = CheckPath("vm.disk", vm.disk(), rules);
  return status;
}

}  // namespace

absl::Status CheckGuestRules(const v1::Guest& guest, const Caller& caller, const GuestRules& rules) {
  if (caller.IsAdmin()) return absl::OkStatus();
  switch (guest.kind_case()) {
    case v1::Guest::kOci:
      if (!guest.oci().rootfs().empty()) return CheckPath("oci.rootfs", guest.oci().rootfs(), rules);
      if (rules.allow_host_root) return absl::OkStatus();
      return Denied("oci.rootfs", "is required: the host's own root is for administrators, without --allow_host_root");
    case v1::Guest::kNetns:
      return Denied("netns", "only administrators name processes and namespaces of the host");
    case v1::Guest::kSocket:
      return CheckPath("socket.path", guest.socket().path(), rules);
    case v1::Guest::kVm:
      return CheckVm(guest.vm(), rules);
    case v1::Guest::KIND_NOT_SET:
      return absl::OkStatus();  // wrong in itself
  }
  return Denied("kind", "is not one of this version");
}

}  // namespace sluice
