#ifndef SLUICE_SERVER_GUEST_GUEST_USER_H_
#define SLUICE_SERVER_GUEST_GUEST_USER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// Who a guest's program runs as; a value. Default: nobody.
struct GuestUser {
  uint32_t uid = 65534;
  uint32_t gid = 65534;

  bool IsRoot() const { return uid == 0 || gid == 0; }

  // "uid" (its group has the same number), "uid:gid", or empty for the default.
  // FieldError of "user" for names and anything else.
  static absl::StatusOr<GuestUser> Parse(absl::string_view text);

  // FieldError of "user" for root where a guest's root file system is `rootfs`, a
  // path without symbolic links, and that is the host's own: it would read what
  // only the host's root may.
  absl::Status CheckOn(absl::string_view rootfs) const;

  friend bool operator==(const GuestUser&, const GuestUser&) = default;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_USER_H_
