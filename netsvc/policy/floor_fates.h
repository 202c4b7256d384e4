#ifndef SLUICE_NETSVC_POLICY_FLOOR_FATES_H_
#define SLUICE_NETSVC_POLICY_FLOOR_FATES_H_

#include <span>
#include <vector>

#include "netsvc/base/ip_address.h"
#include "netsvc/policy/prefix_region.h"
#include "netsvc/policy/rule.h"

namespace sluice::policy {

// A region, and whether no flow to it can be allowed.
struct RegionFate {
  PrefixRegion region;
  bool never = false;
};

// Does the egress rule speak of the gateway: of an address of its, or of its name?
bool SpeaksOfGateway(const Rule& rule, std::span<const IpAddress> aliases);

// Says again of each of `fates`, which are those of the caller's policy alone with
// every row of the address groups and both /0 among them, with `floor` ahead of it;
// and of the prefixes that the floor names. The first rule of the floor that covers
// a region and allows anything, or denies everything, decides. In doubt it stays
// as it was:
//   * Which addresses are the host's is not known: but for METADATA, a group is
//     closed only where the floor denies HOST too, since a host's address is in no
//     other group. The loopback interface, which the gateway's alias leads to,
//     likewise.
//   * A name that the floor allows may lead to any PUBLIC address, and to any at
//     all where `names_lead_anywhere`.
void ApplyFloor(std::span<const Rule> floor, const Surroundings& around, bool names_lead_anywhere,
                std::vector<RegionFate>& fates);

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_FLOOR_FATES_H_
