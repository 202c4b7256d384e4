#include "server/guest/guest.h"

#include "server/guest/guest_files.h"

namespace sluice {

absl::StatusOr<std::unique_ptr<GuestFiles>> Guest::Files() {
  return absl::FailedPreconditionError("the guest is someone else's: this server does nothing with its files");
}

}  // namespace sluice
