#include "netsvc/policy/peer_index.h"

#include <algorithm>
#include <utility>

#include "netsvc/policy/address_bits.h"

namespace sluice::policy {
namespace {

// What a rule says of one peer; sorts by peer, then in the order of rules.
template <typename Peer>
struct Mention {
  Peer peer;
  RuleIndex rule;

  friend auto operator<=>(const Mention&, const Mention&) = default;
  friend bool operator==(const Mention&, const Mention&) = default;
};

// Sorts `mentions` and calls visit(peer, rules) for each peer once, with the
// ascending rules that mention it.
template <typename Peer, typename Visitor>
void ForEachPeer(std::vector<Mention<Peer>> mentions, Visitor visit) {
  std::ranges::sort(mentions);
  std::vector<RuleIndex> rules;
  for (size_t i = 0; i < mentions.size();) {
    const Peer& peer = mentions[i].peer;
    rules.clear();
    for (; i < mentions.size() && mentions[i].peer == peer; ++i) {
      if (rules.empty() || rules.back() != mentions[i].rule) rules.push_back(mentions[i].rule);
    }
    visit(peer, rules);
  }
}

}  // namespace

struct PeerIndex::Input {
  std::span<const Rule> rules;
  std::vector<RuleIndex> indexes;
  ServiceMaps::Builder maps;
};

PeerIndex::PeerIndex(std::span<const Rule> rules, v1::Direction direction) {
  Input input = {rules, {}, ServiceMaps::Builder(rules)};
  for (RuleIndex i = 0; i < rules.size(); ++i) {
    if (rules[i].direction == direction) input.indexes.push_back(i);
  }
  AddPeerless(input);
  AddGroups(input);
  AddCidrs(input);
  AddDomains(input);
  maps_ = std::move(input.maps).Build();
}

void PeerIndex::AddPeerless(Input& input) {
  std::vector<RuleIndex> peerless;
  for (const RuleIndex i : input.indexes) {
    if (input.rules[i].AnyPeer()) peerless.push_back(i);
  }
  peerless_ = input.maps.Add(peerless);
}

void PeerIndex::AddGroups(Input& input) {
  std::vector<Mention<v1::AddressGroup>> mentions;
  for (const RuleIndex i : input.indexes) {
    for (const v1::AddressGroup group : input.rules[i].groups) mentions.push_back({group, i});
  }
  ForEachPeer(std::move(mentions), [&](v1::AddressGroup group, const std::vector<RuleIndex>& rules) {
    groups_[group] = input.maps.Add(rules);
  });
}

void PeerIndex::AddCidrs(Input& input) {
  std::vector<Mention<IpPrefix>> mentions;
  for (const RuleIndex i : input.indexes) {
    for (const IpPrefix& cidr : input.rules[i].cidrs) mentions.push_back({cidr, i});
  }
  std::vector<PrefixEntry> v4;
  std::vector<PrefixEntry> v6;
  std::vector<RuleIndex> denials;
  ForEachPeer(std::move(mentions), [&](const IpPrefix& prefix, const std::vector<RuleIndex>& rules) {
    PrefixEntry entry = {prefix, rules.front(), input.maps.Add(rules), {}};
    if (prefix.address().is_v4()) {
      v4.push_back(entry);
      return;
    }
    denials.clear();
    std::ranges::copy_if(rules, std::back_inserter(denials),
                         [&](RuleIndex i) { return input.rules[i].action == v1::ACTION_DENY; });
    entry.denials = denials.size() == rules.size() ? entry.rules : input.maps.Add(denials);
    v6.push_back(entry);
  });
  v4_ = PrefixIndex<uint32_t>(std::move(v4));
  v6_ = PrefixIndex<absl::uint128>(std::move(v6));
}

void PeerIndex::AddDomains(Input& input) {
  DomainSet::Builder builder;
  std::vector<Mention<const DomainPattern*>> in_order;
  for (const RuleIndex i : input.indexes) {
    for (const DomainPattern& domain : input.rules[i].domains) {
      // There is room for all that ParseRules lets through, twice: a floor too.
      static_assert(2 * kMaxPeerServices <= DomainSet::kMaxNames);
      builder.Add(domain).IgnoreError();
      in_order.push_back({&domain, i});
    }
  }
  domains_ = std::move(builder).Build();
  names_.resize(domains_.name_count());

  std::vector<Mention<uint32_t>> whole;
  std::vector<Mention<uint32_t>> below;
  for (const auto& [domain, rule] : in_order) {
    const uint32_t slot = domains_.SlotOf(domain->name);
    whole.push_back({slot, rule});
    if (domain->with_subdomains) below.push_back({slot, rule});
  }
  ForEachPeer(std::move(whole),
              [&](uint32_t slot, const std::vector<RuleIndex>& rules) { names_[slot].whole = input.maps.Add(rules); });
  ForEachPeer(std::move(below),
              [&](uint32_t slot, const std::vector<RuleIndex>& rules) { names_[slot].below = input.maps.Add(rules); });
}

RuleIndex PeerIndex::FindAddress(const IpAddress& address, const AddressTraits& traits, Service service) const {
  RuleIndex best = maps_.Find(groups_[traits.group], service);
  if (traits.unwrapped.is_v4()) {
    best = std::min(best, v4_.Find(maps_, traits.unwrapped.v4(), service, -1));
  }
  if (address.is_v6()) {
    // To allow what carries an address that is not PUBLIC, a prefix must say
    // something of the carried address.
    const bool opens_nothing = traits.carried_at > 0 && traits.group != v1::ADDRESS_GROUP_PUBLIC;
    best = std::min(best, v6_.Find(maps_, AddressBits(address), service, opens_nothing ? traits.carried_at : -1));
  }
  return best;
}

RuleIndex PeerIndex::FindName(const DomainName& name, Service service) const {
  RuleIndex best = kNoRule;
  domains_.ForEachMatch(name, [&](DomainSet::Match match) {
    const NameEntry& entry = names_[match.slot];
    best = std::min(best, maps_.Find(match.whole ? entry.whole : entry.below, service));
    return true;
  });
  return best;
}

}  // namespace sluice::policy
