#ifndef SLUICE_SERVER_GUEST_GUEST_LINK_H_
#define SLUICE_SERVER_GUEST_GUEST_LINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/base/mutex.h"
#include "server/guest/link_config.h"
#include "server/guest/net_namespace.h"
#include "server/guest/tap_link.h"

namespace sluice {

// A network namespace, and the interface in it while there is one. Any thread;
// calls wait for one another.
class GuestLink {
 public:
  GuestLink(NetNamespace netns, std::string interface_name)
      : netns_(std::move(netns)), interface_name_(std::move(interface_name)) {}

  // As Guest's methods of these names.
  absl::StatusOr<UniqueFd> Attach(const LinkConfig& config);
  absl::StatusOr<UniqueFd> Descriptor();
  absl::Status Detach();

  // Takes over the interface that an earlier server made for `owner`, by a
  // descriptor of it where one is known. NotFound where there is none.
  absl::Status Adopt(const std::string& owner, UniqueFd fd);
  // The interface stays, and is this object's no longer.
  void Leave();

  const NetNamespace& netns() const { return netns_; }

 private:
  const NetNamespace netns_;
  const std::string interface_name_;
  Mutex mutex_;
  std::unique_ptr<TapLink> tap_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_GUEST_LINK_H_
