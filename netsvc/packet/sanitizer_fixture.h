#ifndef SLUICE_NETSVC_PACKET_SANITIZER_FIXTURE_H_
#define SLUICE_NETSVC_PACKET_SANITIZER_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/packet/sanitizer.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {

using Verdict = Sanitizer::Verdict;

inline constexpr size_t kIp = kEthernetHeaderSize;
inline constexpr size_t kV4Transport = kIp + kIpv4HeaderSize;
inline constexpr size_t kV6Transport = kIp + kIpv6HeaderSize;

inline Bytes Edited(Bytes frame, const std::function<void(Bytes&)>& edit) {
  edit(frame);
  return frame;
}

// With right checksums after the edit.
inline Bytes Consistent(Bytes frame, const std::function<void(Bytes&)>& edit) {
  edit(frame);
  FixChecksums(frame);
  return frame;
}

// A sanitizer of guest 10.0.2.15 and fd00::/64, behind the gateway 10.0.2.2 and
// fd00::2 with the DNS aliases 10.0.2.3 and fd00::3.
class SanitizerTest : public testing::Test {
 protected:
  SanitizerTest()
      : sanitizer_({.guest_mac = GuestMac(),
                    .guest_ipv4 = Ip("10.0.2.15"),
                    .ipv6_subnet = IpPrefix::Parse("fd00::/64").value(),
                    .gateway_addresses = {Ip("10.0.2.2"), Ip("10.0.2.3"), Ip("fd00::2"), Ip("fd00::3")}}) {}

  // The result's packet points into `frame_`.
  Sanitizer::Result Process(Bytes frame, const Offload& offload = {}) {
    frame_ = std::move(frame);
    return sanitizer_.Process({frame_, offload}, now_);
  }

  void ExpectVerdict(const Bytes& frame, Verdict verdict, absl::string_view what) {
    const Sanitizer::Result result = Process(frame);
    EXPECT_EQ(result.verdict, verdict) << what << ": " << result.problem;
    const bool refused = verdict == Verdict::kMalformed || verdict == Verdict::kUnsupported;
    EXPECT_EQ(std::string(result.problem).empty(), !refused) << what;
  }

  Sanitizer sanitizer_;
  absl::Duration now_ = absl::Hours(1);
  Bytes frame_;
};

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_SANITIZER_FIXTURE_H_
