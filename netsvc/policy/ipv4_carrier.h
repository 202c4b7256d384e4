#ifndef SLUICE_NETSVC_POLICY_IPV4_CARRIER_H_
#define SLUICE_NETSVC_POLICY_IPV4_CARRIER_H_

#include <optional>
#include <span>

#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"

namespace sluice::policy {

// An IPv4 address found inside an IPv6 one.
struct CarriedIpv4 {
  IpAddress address;
  // The bit of the outer address at which it begins: 96 in 64:ff9b::/96, 16 in
  // 2002::/16. A prefix no longer than this says nothing of the inner address.
  int first_bit = 0;
};

// True for the prefix lengths that RFC 6052 section 2.2 lays out: 32, 40, 48,
// 56, 64 and 96, of IPv6.
bool IsNat64Prefix(const IpPrefix& prefix);

// The IPv4 address that `outer` carries: in one of `nat64` (IsNat64Prefix;
// others are passed over) or in 64:ff9b::/96 (RFC 6052), mapped or compatible
// (RFC 4291 section 2.5.5; not :: and ::1), in 6to4 (RFC 3056), as the client
// of Teredo (RFC 4380). Nothing for every other address.
std::optional<CarriedIpv4> FindCarriedIpv4(const IpAddress& outer, std::span<const IpPrefix> nat64);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_IPV4_CARRIER_H_
