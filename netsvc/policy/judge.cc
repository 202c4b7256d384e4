#include "netsvc/policy/judge.h"

#include <algorithm>
#include <utility>

namespace sluice::policy {
namespace {

// Ways to resolve names around the interceptor: DNS over TLS and over QUIC (RFC
// 7858, RFC 9250), multicast DNS (RFC 6762), LLMNR (RFC 4795), NetBIOS names
// (RFC 1002).
constexpr uint16_t kDnsOverTls = 853;
constexpr uint16_t kMdns = 5353;
constexpr uint16_t kLlmnr = 5355;
constexpr uint16_t kNetbiosNames = 137;

}  // namespace

Judge::Judge(const AddressGroups& groups, std::vector<Endpoint> control_plane,
             std::shared_ptr<const CompiledPolicy> policy)
    : groups_(groups), control_plane_(std::move(control_plane)), policy_(std::move(policy)) {}

Verdict Judge::Evaluate(const FlowQuery& query) const {
  if (IsControlPlane(query)) {
    return {.action = v1::ACTION_DENY, .reason = v1::Verdict::REASON_CONTROL_PLANE, .rule_id = "default"};
  }
  const Verdict verdict = policy_->Evaluate(query, groups_);
  const bool by_caller = verdict.reason == v1::Verdict::REASON_RULE;
  if (verdict.allowed() && !by_caller && IsNameService(query)) {
    return {.action = v1::ACTION_DENY, .reason = v1::Verdict::REASON_PRESET, .rule_id = "preset"};
  }
  return verdict;
}

bool Judge::IsControlPlane(const FlowQuery& query) const {
  if (query.direction == v1::DIRECTION_INGRESS || query.protocol != v1::PROTOCOL_TCP) return false;
  const v1::AddressGroup group = groups_.Classify(query.remote);
  if (group != v1::ADDRESS_GROUP_HOST && group != v1::ADDRESS_GROUP_LOOPBACK) return false;
  // Any address of the host will do: the gateway's alias stands for all of its
  // loopback, and a listener on one address is not worth telling from another.
  return std::any_of(control_plane_.begin(), control_plane_.end(),
                     [&](const Endpoint& listener) { return listener.port == query.port; });
}

bool Judge::IsNameService(const FlowQuery& query) const {
  if (query.direction == v1::DIRECTION_INGRESS || query.protocol == v1::PROTOCOL_ICMP) return false;
  if (policy_->preset() == v1::PRESET_ALLOW_ALL) return false;
  return query.port == kDnsOverTls || query.port == kMdns || query.port == kLlmnr || query.port == kNetbiosNames;
}

}  // namespace sluice::policy
