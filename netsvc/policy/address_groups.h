#ifndef SLUICE_NETSVC_POLICY_ADDRESS_GROUPS_H_
#define SLUICE_NETSVC_POLICY_ADDRESS_GROUPS_H_

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/ip_prefix.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// What the table knows of one address.
struct AddressTraits {
  v1::AddressGroup group = v1::ADDRESS_GROUP_UNSPECIFIED;
  // The IPv4 address that an IPv6 address carries; any other address as it is.
  IpAddress unwrapped;
  // The bit at which the carried address begins (96 in 64:ff9b::/96); 0 where
  // nothing is carried.
  int carried_at = 0;
};

// A row of the table.
struct GroupPrefix {
  IpPrefix prefix;
  v1::AddressGroup group = v1::ADDRESS_GROUP_UNSPECIFIED;
};

// The rows, in order: all but HOST, which no constant names, and PUBLIC, which is
// what is in none.
const std::vector<GroupPrefix>& GroupPrefixes();

// The one table of address groups (docs/policy.md): which group an address is
// in. Used by the evaluator and by the DNS interceptor alike.
//
// Single-threaded; the owner tells it of the host's addresses as they change.
class AddressGroups {
 public:
  struct Options {
    // The gateway, the DNS alias and the whole IPv6 subnet: HOST.
    std::vector<IpPrefix> gateway = {};
    // --extra_host_cidr: HOST.
    std::vector<IpPrefix> extra_host = {};
    // NAT64 prefixes (RFC 6052) besides 64:ff9b::/96; length 32, 40, 48, 56, 64
    // or 96 (IsNat64Prefix; others are passed over).
    std::vector<IpPrefix> nat64 = {};
  };

  explicit AddressGroups(Options options);

  void SetOptions(Options options);

  // Every address on any interface of the host, from now on. Those of the
  // loopback interface may be among them and stay LOOPBACK.
  void SetHostAddresses(const std::vector<IpAddress>& addresses);

  v1::AddressGroup Classify(const IpAddress& address) const { return Inspect(address).group; }

  // The IPv4 address that an IPv6 address carries (mapped, compatible, NAT64,
  // 6to4, Teredo); any other address as it is. What Classify and cidr rules
  // compare.
  IpAddress Unwrap(const IpAddress& address) const { return Inspect(address).unwrapped; }

  // Group and carried address in one step. Does not allocate.
  AddressTraits Inspect(const IpAddress& address) const;

 private:
  bool IsHost(const IpAddress& address) const;

  Options options_;
  absl::flat_hash_set<IpAddress> host_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_ADDRESS_GROUPS_H_
