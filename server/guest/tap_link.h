#ifndef SLUICE_SERVER_GUEST_TAP_LINK_H_
#define SLUICE_SERVER_GUEST_TAP_LINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "server/guest/link_config.h"
#include "server/guest/net_namespace.h"

namespace sluice {

// A guest's network interface: a TAP inside its namespace, with addresses and
// default routes. What its descriptor reads and writes is an Ethernet frame
// behind a virtio_net_hdr_v1 of kVnetHeaderSize bytes (little-endian, num_buffers
// unused), non-blocking; the kernel hands over, and takes, frames with partial
// checksums and TCP segments of up to 64 KiB.
//
// The interface is persistent: it outlives every worker, and goes with Remove().
// One thread at a time. `netns` outlives it.
class TapLink {
 public:
  static constexpr int kVnetHeaderSize = 12;  // virtio 1.2, section 5.1.6
  static constexpr uint32_t kTxQueueLength = 1000;  // frames

  // Makes the interface, complete and up. AlreadyExists where the namespace has
  // one of that name, or a default route; FailedPrecondition where the host has no
  // /dev/net/tun. A failure leaves no interface.
  static absl::StatusOr<std::unique_ptr<TapLink>> Create(const NetNamespace& netns, const LinkConfig& config);
  // Takes over one that an earlier server made for `owner` (LinkConfig) and no
  // process holds. NotFound; Unavailable while another process still holds it.
  static absl::StatusOr<std::unique_ptr<TapLink>> Open(const NetNamespace& netns, const std::string& name,
                                                       const std::string& owner);
  // The same of one that `fd` is a descriptor of. NotFound where it is not.
  static absl::StatusOr<std::unique_ptr<TapLink>> Adopt(const NetNamespace& netns, const std::string& name,
                                                        const std::string& owner, UniqueFd fd);

  // Closes the descriptor; the interface stays.
  ~TapLink() = default;

  // A duplicate for a worker; they all share one queue.
  absl::StatusOr<UniqueFd> Duplicate() const;
  // Ends the interface for everyone. OK where it is gone already.
  absl::Status Remove();

  const std::string& name() const { return name_; }

 private:
  TapLink(const NetNamespace& netns, std::string name, UniqueFd fd)
      : netns_(netns), name_(std::move(name)), fd_(std::move(fd)) {}

  const NetNamespace& netns_;
  const std::string name_;
  UniqueFd fd_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_TAP_LINK_H_
