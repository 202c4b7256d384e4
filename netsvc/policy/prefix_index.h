#ifndef SLUICE_NETSVC_POLICY_PREFIX_INDEX_H_
#define SLUICE_NETSVC_POLICY_PREFIX_INDEX_H_

#include <cstdint>
#include <vector>

#include "netsvc/base/ip_prefix.h"
#include "netsvc/policy/service_maps.h"

namespace sluice::policy {

// A prefix that rules name, with what they say of it.
struct PrefixEntry {
  IpPrefix prefix;
  // The first of the rules that name it.
  RuleIndex lowest = kNoRule;
  ServiceMaps::Map rules;
  // Of its denying rules alone; read for IPv6.
  ServiceMaps::Map denials;
};

// The prefixes of one address family, ready to be searched for all those that
// contain an address. They part the address space into segments; each knows
// the longest prefix around it, and a prefix the next longer one around
// itself. A search is binary over the segments and then walks outwards: its
// cost grows with how deep the prefixes nest (33 or 129 at most), not with how
// many there are.
//
// Memory: two segments and one node a prefix; 44 bytes for IPv4, 68 for IPv6.
//
// Key: uint32_t for IPv4, absl::uint128 for IPv6, as AddressBits gives it.
template <typename Key>
class PrefixIndex {
 public:
  // Distinct prefixes of Key's family, in any order.
  explicit PrefixIndex(std::vector<PrefixEntry> entries = {});

  // The first rule for `service` among the prefixes that contain `address`. Of
  // prefixes no longer than `denials_up_to` only the denials count; -1: all
  // rules of all prefixes do.
  RuleIndex Find(const ServiceMaps& maps, Key address, Service service, int denials_up_to) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Node {
    uint32_t parent = kNone;
    int length = 0;
    // Of this node and those around it.
    RuleIndex lowest = kNoRule;
    ServiceMaps::Map rules;
    ServiceMaps::Map denials;
  };

  void AddSegment(Key start, uint32_t node);
  uint32_t Innermost(Key address) const;

  std::vector<Node> nodes_;
  // Segment i goes from starts_[i] to the next; deepest_[i] is its longest
  // prefix, or kNone.
  std::vector<Key> starts_;
  std::vector<uint32_t> deepest_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_PREFIX_INDEX_H_
