#ifndef SLUICE_NETSVC_POLICY_SERVICE_MAPS_H_
#define SLUICE_NETSVC_POLICY_SERVICE_MAPS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "netsvc/policy/rule.h"
#include "netsvc/policy/service.h"

namespace sluice::policy {

// The place of a rule in its policy: the lower goes first.
using RuleIndex = uint32_t;
inline constexpr RuleIndex kNoRule = UINT32_MAX;

// Maps from service to the first rule that has it, many in one array. A peer
// of a policy holds one of them, made of all the rules that name the peer.
//
// Memory: 12 bytes a range; a map of n ranges in has at most 2n - 1 out, and
// the map of a single rule is kept once however many peers hold it.
class ServiceMaps {
 public:
  // One map; the default one is empty. A value.
  struct Map {
    uint32_t begin = 0;
    uint32_t size = 0;
  };

  class Builder;

  // The first rule for `service`; kNoRule.
  RuleIndex Find(Map map, Service service) const;

 private:
  struct Range {
    Service first;
    Service last;
    RuleIndex rule;
  };

  std::vector<Range> ranges_;
};

// Makes the maps of one policy. Single-threaded.
class ServiceMaps::Builder {
 public:
  // Borrows `rules`.
  explicit Builder(std::span<const Rule> rules);

  // The map of the rules at `indexes`, which ascend.
  Map Add(std::span<const RuleIndex> indexes);
  ServiceMaps Build() &&;

 private:
  Map AddSingle(RuleIndex index);
  // Where ranges of `input` overlap, the lowest rule shows.
  void AppendOverlay(std::vector<Range> input);
  void AppendRange(size_t begin, const Range& range);

  const std::span<const Rule> rules_;
  // By rule: its map, once it has one.
  std::vector<Map> singles_;
  std::vector<Range> ranges_;
};

}  // namespace sluice::policy

#endif  // SLUICE_NETSVC_POLICY_SERVICE_MAPS_H_
