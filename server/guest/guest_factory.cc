#include "server/guest/guest_factory.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/guest/guest_user.h"
#include "server/guest/io_thread.h"
#include "server/guest/netns_guest.h"
#include "server/guest/oci_guest.h"
#include "server/guest/oci_runtime.h"

namespace sluice {
namespace {

constexpr mode_t kPrivate = 0700;

bool IsDirectory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

class LocalGuestFactory : public GuestFactory {
 public:
  LocalGuestFactory(const GuestFactoryOptions& options, std::unique_ptr<IoThread> io)
      : runtime_({.program = options.oci_runtime, .root = absl::StrCat(options.state_dir, "/oci")}),
        io_(std::move(io)),
        host_{runtime_, *io_, options.state_dir, absl::StrCat(options.state_dir, "/guests"), options.init_path} {}

  // One sentence for the operator where something that guests need is missing.
  absl::Status Prepare() {
    if (absl::Status usable = runtime_.CheckUsable(); !usable.ok()) return usable;
    if (access(host_.init_path.c_str(), X_OK) != 0) {
      return absl::FailedPreconditionError(absl::StrCat("sluice-init is not at ", host_.init_path));
    }
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
      return absl::FailedPreconditionError("/dev/net/tun cannot be opened: TAP devices need it");
    }
    for (const std::string& id : runtime_.List()) runtime_.Delete(id).IgnoreError();
    std::error_code error;
    std::filesystem::remove_all(host_.bundles, error);
    if (error || mkdir(host_.bundles.c_str(), kPrivate) != 0) {
      return absl::FailedPreconditionError(absl::StrCat(host_.bundles, " cannot be made anew"));
    }
    return absl::OkStatus();
  }

  absl::Status Check(const v1::Guest& spec) const override {
    switch (spec.kind_case()) {
      case v1::Guest::kOci:
        return CheckOci(spec.oci());
      case v1::Guest::kNetns:
        if (spec.netns().where_case() != v1::NetnsGuest::WHERE_NOT_SET) return absl::OkStatus();
        return FieldError("netns", "a path or a pid is required");
      case v1::Guest::kSocket:
      case v1::Guest::kVm:
        return absl::UnimplementedError("this server runs OCI guests and attaches network namespaces, no VMs yet");
      case v1::Guest::KIND_NOT_SET:
        break;
    }
    return FieldError("kind", "a kind of guest is required");
  }

  absl::StatusOr<std::unique_ptr<Guest>> Create(const v1::Guest& spec, const GuestIdentity& identity) override {
    if (absl::Status status = Check(spec); !status.ok()) return status;
    if (spec.kind_case() == v1::Guest::kNetns) return NetnsGuest::Create(spec.netns());
    return OciGuest::Create(host_, spec.oci(), identity);
  }

 private:
  static absl::Status CheckOci(const v1::OciGuest& spec) {
    const absl::StatusOr<GuestUser> user = GuestUser::Parse(spec.user());
    if (!user.ok()) return InField("oci", user.status());
    if (spec.rootfs().empty()) return absl::OkStatus();
    if (!absl::StartsWith(spec.rootfs(), "/")) return FieldError("oci.rootfs", "must be an absolute path");
    if (!IsDirectory(spec.rootfs())) return FieldError("oci.rootfs", "is not a directory on the host");
    return absl::OkStatus();
  }

  const OciRuntime runtime_;
  const std::unique_ptr<IoThread> io_;
  const OciGuest::Host host_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GuestFactory>> MakeGuestFactory(const GuestFactoryOptions& options) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return ErrnoError(errno, "PR_SET_CHILD_SUBREAPER");
  absl::StatusOr<std::unique_ptr<IoThread>> io = IoThread::Start();
  if (!io.ok()) return io.status();
  auto factory = std::make_unique<LocalGuestFactory>(options, *std::move(io));
  if (absl::Status ready = factory->Prepare(); !ready.ok()) return ready;
  return factory;
}

}  // namespace sluice
