#ifndef SLUICE_NETSVC_LINK_FAKE_LINK_H_
#define SLUICE_NETSVC_LINK_FAKE_LINK_H_

#include <sys/eventfd.h>

#include <cstdint>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// A link whose guest says nothing by itself, and whose frames to the guest are
// kept in the vector given. Tests.
class FakeLink : public Link {
 public:
  explicit FakeLink(std::vector<std::vector<uint8_t>>& written) : written_(written) {}

  int fd() const override { return event_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override { return std::span<packet::Frame>(); }
  void Write(std::span<const uint8_t> frame, const packet::Offload&) override {
    written_.emplace_back(frame.begin(), frame.end());
  }
  bool offloads() const override { return true; }
  int descriptor() const override { return event_.get(); }
  const Counters& counters() const override { return counters_; }

 private:
  std::vector<std::vector<uint8_t>>& written_;
  const UniqueFd event_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Counters counters_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_FAKE_LINK_H_
