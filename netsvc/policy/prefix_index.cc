#include "netsvc/policy/prefix_index.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/numeric/int128.h"
#include "netsvc/policy/address_bits.h"

namespace sluice::policy {
namespace {

template <typename Key>
Key FirstOf(const IpPrefix& prefix) {
  return static_cast<Key>(AddressBits(prefix.address()));
}

template <typename Key>
Key LastOf(const IpPrefix& prefix) {
  const int bits = prefix.address().bits();
  return FirstOf<Key>(prefix) | static_cast<Key>(~PrefixMask(prefix.length(), bits));
}

}  // namespace

template <typename Key>
PrefixIndex<Key>::PrefixIndex(std::vector<PrefixEntry> entries) {
  // A prefix comes before those inside it, and they before what follows it.
  std::ranges::sort(entries, {}, [](const PrefixEntry& e) { return std::pair(e.prefix.address(), e.prefix.length()); });
  nodes_.reserve(entries.size());
  starts_.reserve(2 * entries.size() + 1);
  deepest_.reserve(2 * entries.size() + 1);
  AddSegment(0, kNone);
  std::vector<Key> ends;  // of the prefixes around the present place, innermost last
  uint32_t around = kNone;
  const auto leave = [&] {
    if (ends.back() == std::numeric_limits<Key>::max()) return false;
    around = nodes_[around].parent;
    AddSegment(ends.back() + 1, around);
    ends.pop_back();
    return true;
  };
  for (const PrefixEntry& entry : entries) {
    const Key first = FirstOf<Key>(entry.prefix);
    while (!ends.empty() && ends.back() < first) leave();
    const RuleIndex lowest = around == kNone ? entry.lowest : std::min(entry.lowest, nodes_[around].lowest);
    nodes_.push_back({around, entry.prefix.length(), lowest, entry.rules, entry.denials});
    around = static_cast<uint32_t>(nodes_.size() - 1);
    ends.push_back(LastOf<Key>(entry.prefix));
    AddSegment(first, around);
  }
  while (!ends.empty() && leave()) {
  }
}

template <typename Key>
void PrefixIndex<Key>::AddSegment(Key start, uint32_t node) {
  if (!starts_.empty() && starts_.back() == start) {
    deepest_.back() = node;
    return;
  }
  starts_.push_back(start);
  deepest_.push_back(node);
}

// The last start that is not past `address`; without a branch to mispredict.
template <typename Key>
uint32_t PrefixIndex<Key>::Innermost(Key address) const {
  const Key* base = starts_.data();
  for (size_t size = starts_.size(); size > 1;) {
    const size_t half = size / 2;
    base = base[half] <= address ? base + half : base;
    size -= half;
  }
  return deepest_[static_cast<size_t>(base - starts_.data())];
}

template <typename Key>
RuleIndex PrefixIndex<Key>::Find(const ServiceMaps& maps, Key address, Service service, int denials_up_to) const {
  RuleIndex best = kNoRule;
  for (uint32_t at = Innermost(address); at != kNone && nodes_[at].lowest < best; at = nodes_[at].parent) {
    const Node& node = nodes_[at];
    best = std::min(best, maps.Find(node.length > denials_up_to ? node.rules : node.denials, service));
  }
  return best;
}

template class PrefixIndex<uint32_t>;
template class PrefixIndex<absl::uint128>;

}  // namespace sluice::policy
