#ifndef SLUICE_TESTS_LAB_SNIFFER_H_
#define SLUICE_TESTS_LAB_SNIFFER_H_

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/unique_fd.h"
#include "tests/lab/lab.h"

namespace sluice::lab {

// Sees every IP packet that arrives in a part of the lab, so that a test can
// prove that none did. It stands where the packet would come out: behind the
// link, before any socket. One thread may use it at a time; it must not outlive
// its lab.
//
// Theory of operation: packets that one processor sent through a link arrive in
// the order of their sending. So a marker sent from each processor, once seen,
// says that whatever was sent before it has been seen too.
class Sniffer {
 public:
  // What arrives at the internet, at the LAN, on the lab host's own loopback.
  enum class Where { kInternet, kLan, kHostLoopback };

  // Packets that it keeps between two resets; more is an error.
  static constexpr size_t kMaxPackets = 1'000'000;
  static constexpr absl::Duration kFenceTimeout = absl::Seconds(20);

  struct Packet {
    uint8_t protocol = 0;  // IPPROTO_TCP and so on; IPv6 extensions unread.
    Endpoint source;       // Ports are 0 where the protocol has none.
    Endpoint destination;
    bool has_data = false;  // TCP and UDP: a payload.
    uint8_t tcp_flags = 0;  // As in the header (RFC 9293 section 3.1): FIN 1, SYN 2, RST 4.
    absl::Time time;        // When the kernel took it in.

    std::string ToString() const;
  };

  // What to count; parts that are not set match everything.
  struct Match {
    std::optional<uint8_t> protocol;
    std::optional<IpAddress> destination;
    std::optional<uint16_t> port;  // The destination's.
    bool with_data = false;        // Only packets with a payload.
  };

  // Captures from now on.
  static absl::StatusOr<std::unique_ptr<Sniffer>> Create(const Lab& lab, Where where);

  // Returns once everything sent before the call has been captured.
  // DeadlineExceeded, or DataLoss where the kernel or kMaxPackets lost packets
  // and nothing can be proved.
  absl::Status Fence();

  // Fences; then counts, or lists, what matches since the start or Reset.
  absl::StatusOr<int> Count(const Match& match);
  absl::StatusOr<std::vector<Packet>> Packets(const Match& match);

  // Fences; then hands over everything since the start, Reset or the last Take, and
  // forgets it: for floods of more than kMaxPackets.
  absl::StatusOr<std::vector<Packet>> Take();

  // Fences; then forgets.
  absl::Status Reset();

 private:
  Sniffer(UniqueFd capture, UniqueFd sender, const Endpoint& marker_destination);

  // Sends a marker from each processor that may run us; returns how many.
  absl::StatusOr<int> SendMarkers() const;
  // Takes one packet off the capture socket. Returns whether it was a marker of
  // this fence; Unavailable where there is no packet.
  absl::StatusOr<bool> CaptureOne();
  absl::Status CheckNothingLost();
  bool IsMarker(const Packet& packet, std::span<const uint8_t> bytes) const;

  UniqueFd capture_;
  UniqueFd sender_;
  const Endpoint marker_destination_;
  std::string marker_;  // The current fence's payload.
  uint64_t fences_ = 0;
  bool lost_ = false;  // Packets, since the start or Reset.
  std::vector<Packet> packets_;
};

}  // namespace sluice::lab

#endif  // SLUICE_TESTS_LAB_SNIFFER_H_
