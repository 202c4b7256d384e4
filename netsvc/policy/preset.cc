#include "netsvc/policy/preset.h"

namespace sluice::policy {
namespace {

constexpr Verdict kPresetAllows = {v1::ACTION_ALLOW, v1::Verdict::REASON_PRESET, kPresetRuleId};
constexpr Verdict kPresetDenies = {v1::ACTION_DENY, v1::Verdict::REASON_PRESET, kPresetRuleId};
constexpr Verdict kDefaultAllows = {v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};
constexpr Verdict kDefaultDenies = {v1::ACTION_DENY, v1::Verdict::REASON_DEFAULT, kDefaultRuleId};

// Names resolved past the DNS interceptor: DNS over TLS and over QUIC (RFC
// 7858, RFC 9250), mDNS (RFC 6762), LLMNR (RFC 4795), NetBIOS names (RFC 1002).
bool IsOtherNameService(const FlowQuery& query) {
  if (query.protocol == v1::PROTOCOL_ICMP) return false;
  return query.port == 853 || query.port == 5353 || query.port == 5355 || query.port == 137;
}

}  // namespace

Verdict PresetVerdict(v1::Preset preset, const FlowQuery& query, v1::AddressGroup group) {
  if (preset == v1::PRESET_NONE) return kPresetDenies;
  if (preset == v1::PRESET_ALLOW_ALL || query.direction == v1::DIRECTION_INGRESS) return kDefaultAllows;
  if (IsOtherNameService(query)) return kPresetDenies;
  if (preset == v1::PRESET_ALLOWLIST) return kDefaultDenies;
  return group == v1::ADDRESS_GROUP_PUBLIC ? kPresetAllows : kDefaultDenies;
}

Verdict PresetNameVerdict(v1::Preset preset) {
  switch (preset) {
    case v1::PRESET_PUBLIC_ONLY:
    case v1::PRESET_DENYLIST:
      return kPresetAllows;
    case v1::PRESET_ALLOW_ALL:
      return kDefaultAllows;
    case v1::PRESET_ALLOWLIST:
      return kDefaultDenies;
    default:
      return kPresetDenies;
  }
}

}  // namespace sluice::policy
