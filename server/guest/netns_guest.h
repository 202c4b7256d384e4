#ifndef SLUICE_SERVER_GUEST_NETNS_GUEST_H_
#define SLUICE_SERVER_GUEST_NETNS_GUEST_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/guest/guest.h"
#include "server/guest/net_namespace.h"
#include "server/guest/tap_link.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice {

// Someone else's guest: a network namespace, in which this server makes an
// interface and from which it takes it away again.
class NetnsGuest : public Guest {
 public:
  // FieldError of "netns.path" or "netns.pid" where there is no such namespace.
  static absl::StatusOr<std::unique_ptr<NetnsGuest>> Create(const v1::NetnsGuest& spec);
  ~NetnsGuest() override;

  absl::StatusOr<UniqueFd> AttachLink(const LinkConfig& config) override;
  absl::StatusOr<UniqueFd> LinkDescriptor() override;
  absl::Status DetachLink() override;
  absl::Status Start(std::function<void(ProcessExit)> on_exit) override;
  absl::StatusOr<std::unique_ptr<GuestProcess>> Exec(const ExecOptions& options) override;
  absl::Status Stop(absl::Time deadline) override;

 private:
  NetnsGuest(NetNamespace netns, std::string interface)
      : netns_(std::move(netns)), interface_(std::move(interface)) {}

  const NetNamespace netns_;
  const std::string interface_;
  Mutex mutex_;
  std::unique_ptr<TapLink> link_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_NETNS_GUEST_H_
