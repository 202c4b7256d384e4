#ifndef SLUICE_NETSVC_POLICY_PEER_INDEX_H_
#define SLUICE_NETSVC_POLICY_PEER_INDEX_H_

#include <array>
#include <span>
#include <vector>

#include "absl/numeric/int128.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/domain_set.h"
#include "netsvc/policy/prefix_index.h"
#include "netsvc/policy/rule.h"
#include "netsvc/policy/service_maps.h"
#include "sluice/v1/policy.pb.h"

namespace sluice::policy {

// The rules of one direction, taken apart by peer: each kind of peer has the
// search that fits it, and each distinct peer one ServiceMaps::Map. The rule
// that decides is the lowest of what the searches find, so that the order of
// rules is kept though nobody walks them. Immutable; any thread; finding does
// not allocate.
class PeerIndex {
 public:
  // `rules`: the whole policy's; those of the other direction are passed over.
  PeerIndex(std::span<const Rule> rules, v1::Direction direction);

  // The first rule for `service` without peers; kNoRule.
  RuleIndex FindPeerless(Service service) const { return maps_.Find(peerless_, service); }

  // The first one with a cidr or group that covers `address` (docs/policy.md
  // says what a cidr covers); `traits` are that address's.
  RuleIndex FindAddress(const IpAddress& address, const AddressTraits& traits, Service service) const;

  // The first one with a domain that covers `name`.
  RuleIndex FindName(const DomainName& name, Service service) const;

 private:
  // What rules say of one name of domains_.
  struct NameEntry {
    // To the name itself.
    ServiceMaps::Map whole;
    // To a name below it.
    ServiceMaps::Map below;
  };

  // A policy's rules, those of one direction, and the maps being made of them.
  struct Input;

  void AddPeerless(Input& input);
  void AddGroups(Input& input);
  void AddCidrs(Input& input);
  void AddDomains(Input& input);

  ServiceMaps maps_;
  ServiceMaps::Map peerless_;
  std::array<ServiceMaps::Map, v1::AddressGroup_ARRAYSIZE> groups_;
  PrefixIndex<uint32_t> v4_;
  PrefixIndex<absl::uint128> v6_;
  DomainSet domains_;
  // By slot of domains_.
  std::vector<NameEntry> names_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_PEER_INDEX_H_
