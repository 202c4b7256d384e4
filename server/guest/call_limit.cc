#include "server/guest/call_limit.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice {

absl::StatusOr<std::shared_ptr<const void>> CallLimit::Take() {
  // Given back where it is one too many, too.
  std::shared_ptr<const void> call(open_.get(), [open = open_](const void*) { --*open; });
  if (++*open_ <= most_) return call;
  return absl::ResourceExhaustedError(
      absl::StrCat("the guest has ", most_, " ", kind_, " under way already, as many as it may"));
}

}  // namespace sluice
