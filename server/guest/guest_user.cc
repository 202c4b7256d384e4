#include "server/guest/guest_user.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

bool ParseId(absl::string_view text, uint32_t& id) {
  // The kernel keeps the largest number for "no change".
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit) && absl::SimpleAtoi(text, &id) &&
         id != std::numeric_limits<uint32_t>::max();
}

}  // namespace

absl::StatusOr<GuestUser> GuestUser::Parse(absl::string_view text) {
  GuestUser user;
  if (text.empty()) return user;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const bool has_group = parts.first.size() != text.size();
  if (!ParseId(parts.first, user.uid)) return FieldError("user", "must be \"uid\" or \"uid:gid\", in numbers");
  user.gid = user.uid;
  if (has_group && !ParseId(parts.second, user.gid)) {
    return FieldError("user", "must be \"uid\" or \"uid:gid\", in numbers");
  }
  return user;
}

absl::Status GuestUser::CheckOn(absl::string_view rootfs) const {
  if (rootfs != "/" || !IsRoot()) return absl::OkStatus();
  return FieldError("user", "must not be root's (0) on the host's own root file system");
}

}  // namespace sluice
