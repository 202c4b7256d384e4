#ifndef SLUICE_NETSVC_LINK_TAP_LINK_H_
#define SLUICE_NETSVC_LINK_TAP_LINK_H_

#include <array>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// A TAP device in the guest's network namespace. Each frame bears a
// virtio_net_hdr_v1 (12 bytes): the guest's kernel hands over TCP segments of up
// to 64 KB with partial checksums, and takes the same back.
class TapLink : public Link {
 public:
  // `tap`: attached with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, non-blocking.
  // InvalidArgument where it is anything else.
  static absl::StatusOr<std::unique_ptr<TapLink>> Create(UniqueFd tap);

  int fd() const override { return tap_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override;
  void Write(std::span<const uint8_t> frame, const packet::Offload& offload) override;
  bool offloads() const override { return true; }
  int descriptor() const override { return tap_.get(); }
  const Counters& counters() const override { return counters_; }

 private:
  explicit TapLink(UniqueFd tap);

  const UniqueFd tap_;
  // One batch: frames lie behind one another, so that small ones cost little.
  std::vector<uint8_t> buffer_;
  std::array<packet::Frame, kMaxBatch> frames_;
  Counters counters_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_TAP_LINK_H_
