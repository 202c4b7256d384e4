#include "server/guest/guest_link.h"

namespace sluice {

absl::StatusOr<UniqueFd> GuestLink::Attach(const LinkConfig& config) {
  LinkConfig named = config;
  named.name = interface_name_;
  const MutexLock lock(mutex_);
  absl::StatusOr<std::unique_ptr<TapLink>> tap = TapLink::Create(netns_, named);
  if (!tap.ok()) return tap.status();
  absl::StatusOr<UniqueFd> fd = (*tap)->Duplicate();
  if (fd.ok()) {
    tap_ = *std::move(tap);
  } else {
    (*tap)->Remove().IgnoreError();
  }
  return fd;
}

absl::StatusOr<UniqueFd> GuestLink::Descriptor() {
  const MutexLock lock(mutex_);
  if (tap_ == nullptr) return absl::FailedPreconditionError("the guest has no interface");
  return tap_->Duplicate();
}

absl::Status GuestLink::Detach() {
  const MutexLock lock(mutex_);
  if (tap_ == nullptr) return absl::OkStatus();
  const absl::Status status = tap_->Remove();
  if (status.ok()) tap_ = nullptr;
  return status;
}

absl::Status GuestLink::Adopt(const std::string& owner, UniqueFd fd) {
  const MutexLock lock(mutex_);
  absl::StatusOr<std::unique_ptr<TapLink>> tap = fd.valid()
                                                     ? TapLink::Adopt(netns_, interface_name_, owner, std::move(fd))
                                                     : TapLink::Open(netns_, interface_name_, owner);
  if (tap.ok()) tap_ = *std::move(tap);
  return tap.status();
}

void GuestLink::Leave() {
  const MutexLock lock(mutex_);
  tap_ = nullptr;
}

}  // namespace sluice
