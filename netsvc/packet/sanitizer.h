#ifndef SLUICE_NETSVC_PACKET_SANITIZER_H_
#define SLUICE_NETSVC_PACKET_SANITIZER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/base/mac_address.h"
#include "netsvc/packet/packet.h"
#include "netsvc/packet/reassembler.h"

namespace sluice::packet {

// The first stage of a frame from the guest: what it lets through is well
// formed, comes from the guest's own addresses, is whole, and carries full
// checksums. Nothing behind it (libslirp above all) sees any other frame.
//
// Single-threaded. Allocates for fragments only, within Reassembler's bounds.
class Sanitizer {
 public:
  struct Options {
    MacAddress guest_mac;
    IpAddress guest_ipv4;
    // Any address of the prefix but the reserved ones may be the guest's: it may
    // configure itself (SLAAC).
    IpPrefix ipv6_subnet;
    // Addresses of the subnets that are the gateway's own, never the guest's. The
    // first IPv4 one answers DHCP.
    std::vector<IpAddress> gateway_addresses;
  };

  enum class Verdict : uint8_t {
    kPacket,             // IPv4 or IPv6, to be judged
    kArp,                // a request or reply of the guest's own address
    kNeighborDiscovery,  // router or neighbor solicitation, neighbor advertisement
    kDhcp,               // UDP 68 to 67, of the guest's MAC, from 0.0.0.0 or its address; DHCPv6 546 to 547
    kHeld,               // a fragment, kept until its packet is whole
    kMalformed,          // bad length, checksum, header, source; fragments that overlap
    kUnsupported,        // an EtherType, option or extension header that nobody needs; noise like MLD
  };

  struct Result {
    Verdict verdict = Verdict::kMalformed;
    // Filled as far as it was understood; whole for kPacket, kArp,
    // kNeighborDiscovery and kDhcp. Points into the frame given, or for a packet
    // put together from fragments, into a buffer that lives until the next call.
    Packet packet;
    // kMalformed and kUnsupported: why, in a few words. A literal.
    const char* problem = "";
  };

  explicit Sanitizer(const Options& options);

  // `now`: the loop's monotonic time. Clears URG and the urgent pointer, fills
  // in partial checksums, and leaves the rest of the frame as it is.
  Result Process(const Frame& frame, absl::Duration now);

  const Reassembler::Counters& reassembly() const { return reassembler_.counters(); }

 private:
  struct Finding {
    Verdict verdict;
    const char* problem = "";
  };

  static Finding Malformed(const char* problem) { return {Verdict::kMalformed, problem}; }
  static Finding Unsupported(const char* problem) { return {Verdict::kUnsupported, problem}; }
  static Finding NotParsed(ParseError error);

  // Each goes on where the one before it left off.
  Finding Judge(const Frame& frame, absl::Duration now, Packet& packet);
  Finding JudgeArp(Packet& packet) const;
  Finding JudgeFragment(const Offload& offload, absl::Duration now, Packet& packet);
  Finding JudgeWhole(const Offload& offload, Packet& packet) const;
  Finding JudgeIpv4Source(const Packet& packet) const;
  Finding JudgeIpv6Source(const Packet& packet) const;
  Finding JudgeNeighborDiscovery(const Packet& packet) const;

  bool IsGatewayAddress(const IpAddress& address) const;
  bool IsGuestAddress(const IpAddress& address) const;
  bool IsGuestLinkLocal(const IpAddress& address) const;
  bool IsDhcp(const Packet& packet) const;
  bool IsOfGuest(std::span<const uint8_t> dhcp) const;
  bool IsDhcpv6(const Packet& packet) const;

  const Options options_;
  const IpAddress dhcp_server_;
  Reassembler reassembler_;
};

}  // namespace sluice::packet

#endif  // SLUICE_NETSVC_PACKET_SANITIZER_H_
