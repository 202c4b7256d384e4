#include "server/guest/netns_guest.h"

#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

constexpr char kDefaultInterface[] = "eth0";

absl::StatusOr<NetNamespace> Open(const v1::NetnsGuest& spec) {
  const bool by_pid = spec.where_case() == v1::NetnsGuest::kPid;
  absl::StatusOr<NetNamespace> netns =
      by_pid ? NetNamespace::OfPid(spec.pid()) : NetNamespace::OpenPath(spec.path());
  if (absl::IsInvalidArgument(netns.status())) {
    return FieldError(by_pid ? "netns.pid" : "netns.path", netns.status().message());
  }
  return netns;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NetnsGuest>> NetnsGuest::Create(const v1::NetnsGuest& spec) {
  absl::StatusOr<NetNamespace> netns = Open(spec);
  if (!netns.ok()) return netns.status();
  const std::string& name = spec.interface_name();
  return std::unique_ptr<NetnsGuest>(new NetnsGuest(*std::move(netns), name.empty() ? kDefaultInterface : name));
}

NetnsGuest::~NetnsGuest() { DetachLink().IgnoreError(); }

absl::StatusOr<UniqueFd> NetnsGuest::AttachLink(const LinkConfig& config) {
  const MutexLock lock(mutex_);
  LinkConfig named = config;
  named.name = interface_;
  absl::StatusOr<std::unique_ptr<TapLink>> link = TapLink::Create(netns_, named);
  if (!link.ok()) return link.status();
  link_ = *std::move(link);
  return link_->Duplicate();
}

absl::StatusOr<UniqueFd> NetnsGuest::LinkDescriptor() {
  const MutexLock lock(mutex_);
  if (link_ == nullptr) return absl::FailedPreconditionError("the guest has no link");
  return link_->Duplicate();
}

absl::Status NetnsGuest::DetachLink() {
  const MutexLock lock(mutex_);
  if (link_ == nullptr) return absl::OkStatus();
  const absl::Status removed = link_->Remove();
  if (removed.ok()) link_ = nullptr;
  return removed;
}

absl::Status NetnsGuest::Start(std::function<void(ProcessExit)>) { return absl::OkStatus(); }

absl::StatusOr<std::unique_ptr<GuestProcess>> NetnsGuest::Exec(const ExecOptions&) {
  return absl::FailedPreconditionError("someone else runs this guest: the server cannot run programs in it");
}

absl::Status NetnsGuest::Stop(absl::Time) { return DetachLink(); }

}  // namespace sluice
