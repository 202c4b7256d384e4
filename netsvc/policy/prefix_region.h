#ifndef SLUICE_NETSVC_POLICY_PREFIX_REGION_H_
#define SLUICE_NETSVC_POLICY_PREFIX_REGION_H_

#include <span>
#include <vector>

#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// Addresses of one prefix, as the kernel sees them. A value.
struct PrefixRegion {
  IpPrefix prefix;
  // The IPv4 prefix that they carry; otherwise `prefix`.
  IpPrefix unwrapped;
  // The bit at which it begins; 0 where nothing is carried.
  int carried_at = 0;
};

// What lies around a sandbox, as far as it decides where addresses lead.
struct Surroundings {
  // The gateway's addresses, behind which is the host's loopback interface.
  std::span<const IpAddress> aliases = {};
  // As in AddressGroups::Options.
  std::span<const IpPrefix> nat64 = {};
};

// Does `outer` contain all of `inner`?
bool Contains(const IpPrefix& outer, const IpPrefix& inner);

// `prefix`, and where it is of IPv4 the IPv6 prefixes that carry it whole: mapped,
// NAT64 (64:ff9b::/96 and `nat64`), 6to4. (Teredo inverts the address: no prefix has
// it.)
std::vector<PrefixRegion> WithCarriers(const IpPrefix& prefix, std::span<const IpPrefix> nat64);

// The group of the first row of the table that contains all of `prefix`, an
// `unwrapped`; PUBLIC where none does. Longer rows inside it are not looked at.
v1::AddressGroup GroupOf(const IpPrefix& prefix);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_PREFIX_REGION_H_
