#ifndef SLUICE_SERVER_GUEST_NETNS_GUEST_H_
#define SLUICE_SERVER_GUEST_NETNS_GUEST_H_

#include <string>
#include <utility>

#include "server/guest/guest.h"
#include "server/guest/guest_link.h"

namespace sluice {

// Someone else's processes in a network namespace. This server adds the
// interface and takes it away again; it runs nothing there.
class NetnsGuest : public Guest {
 public:
  NetnsGuest(NetNamespace netns, std::string interface_name) : link_(std::move(netns), std::move(interface_name)) {}
  ~NetnsGuest() override { link_.Detach().IgnoreError(); }

  // For one that was adopted. NotFound where it has no interface of `owner`'s.
  absl::Status AdoptLink(const std::string& owner, UniqueFd fd) { return link_.Adopt(owner, std::move(fd)); }
  void Leave() override { link_.Leave(); }
  absl::Status Resume(std::function<void(ProcessExit)>) override { return absl::OkStatus(); }

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override { return link_.Attach(config); }
  absl::StatusOr<UniqueFd> LinkDescriptor() override { return link_.Descriptor(); }
  absl::Status DetachLink() override { return link_.Detach(); }
  absl::Status Start(std::function<void(ProcessExit)>) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions&) override {
    return absl::FailedPreconditionError("the guest is someone else's: this server runs no programs in it");
  }
  absl::Status Stop(absl::Time) override { return link_.Detach(); }

 private:
  GuestLink link_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_NETNS_GUEST_H_
