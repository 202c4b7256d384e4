#include "server/guest/tap_link.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "server/guest/link_setup.h"

namespace sluice {
namespace {

constexpr char kDevice[] = "/dev/net/tun";

// Errors of TUNSETIFF, in words for the one who named the interface.
absl::Status AttachError(int error, const std::string& name, int flags) {
  if (error == EBUSY && (flags & IFF_TUN_EXCL) != 0) {
    return absl::AlreadyExistsError(absl::StrCat("interface ", name, " already exists in the namespace"));
  }
  if (error == EBUSY) return absl::UnavailableError(absl::StrCat("interface ", name, " is held by another process"));
  return ErrnoError(error, absl::StrCat("make interface ", name));
}

// A descriptor of the TAP `name` in the calling thread's namespace.
absl::StatusOr<UniqueFd> AttachTap(const std::string& name, int extra_flags) {
  UniqueFd fd(open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid() && (errno == ENOENT || errno == ENODEV)) {
    return absl::FailedPreconditionError("the host has no /dev/net/tun: load the kernel module tun");
  }
  if (!fd.valid()) return ErrnoError(errno, absl::StrCat("open ", kDevice));
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not an interface name"));
  }
  ifreq request{};
  memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | extra_flags);
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) return AttachError(errno, name, extra_flags);
  const int header_size = TapLink::kVnetHeaderSize;
  if (ioctl(fd.get(), TUNSETVNETHDRSZ, &header_size) != 0) return ErrnoError(errno, "TUNSETVNETHDRSZ");
  if (ioctl(fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) return ErrnoError(errno, "TUNSETOFFLOAD");
  return fd;
}

absl::Status MakePersistent(int fd) {
  return ioctl(fd, TUNSETPERSIST, 1) == 0 ? absl::OkStatus() : ErrnoError(errno, "TUNSETPERSIST");
}

// Until it is persistent the interface goes with its descriptor: a failure on
// the way leaves none.
absl::StatusOr<UniqueFd> MakeTap(const LinkConfig& config) {
  absl::StatusOr<UniqueFd> fd = AttachTap(config.name, IFF_TUN_EXCL);
  if (!fd.ok()) return fd;
  absl::Status status = SetUpLink(config);
  if (status.ok()) status = MakePersistent(fd->get());
  if (!status.ok()) return status;
  return fd;
}

absl::Status CheckOwner(const std::string& name, const std::string& owner) {
  const absl::StatusOr<std::string> is = OwnerOfLink(name);
  if (!is.ok()) return is.status();
  if (*is == owner) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("interface ", name, " is not this sandbox's"));
}

// Does `fd` belong to the TAP `name`?
absl::Status CheckTap(int fd, const std::string& name) {
  ifreq request{};
  if (ioctl(fd, TUNGETIFF, &request) != 0) return absl::NotFoundError("the descriptor is not a TAP's");
  if ((request.ifr_flags & IFF_TAP) != 0 && name == request.ifr_name) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("the descriptor is not that of interface ", name));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TapLink>> TapLink::Create(const NetNamespace& netns, const LinkConfig& config) {
  UniqueFd fd;
  const absl::Status status = netns.Run([&] {
    absl::StatusOr<UniqueFd> made = MakeTap(config);
    if (made.ok()) fd = *std::move(made);
    return made.status();
  });
  if (!status.ok()) return status;
  return std::unique_ptr<TapLink>(new TapLink(netns, config.name, std::move(fd)));
}

absl::StatusOr<std::unique_ptr<TapLink>> TapLink::Adopt(const NetNamespace& netns, const std::string& name,
                                                        const std::string& owner, UniqueFd fd) {
  absl::Status status = CheckTap(fd.get(), name);
  if (status.ok()) status = netns.Run([&] { return CheckOwner(name, owner); });
  if (!status.ok()) return status;
  return std::unique_ptr<TapLink>(new TapLink(netns, name, std::move(fd)));
}

absl::StatusOr<std::unique_ptr<TapLink>> TapLink::Open(const NetNamespace& netns, const std::string& name,
                                                       const std::string& owner) {
  UniqueFd fd;
  const absl::Status status = netns.Run([&] {
    if (const absl::Status ours = CheckOwner(name, owner); !ours.ok()) return ours;
    absl::StatusOr<UniqueFd> attached = AttachTap(name, 0);
    if (attached.ok()) fd = *std::move(attached);
    return attached.status();
  });
  if (!status.ok()) return status;
  return std::unique_ptr<TapLink>(new TapLink(netns, name, std::move(fd)));
}

absl::StatusOr<UniqueFd> TapLink::Duplicate() const {
  UniqueFd copy(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoError(errno, "duplicate the descriptor of a TAP");
  return copy;
}

absl::Status TapLink::Remove() {
  return netns_.Run([this] { return RemoveLink(name_); });
}

}  // namespace sluice
