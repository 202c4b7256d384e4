#include "netsvc/worker/flow_judge.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using flow::Flow;
using flow::FlowKey;
using policy::FlowQuery;
using policy::Verdict;

constexpr uint16_t kQuicPort = 443;

constexpr Verdict kNotResolved{v1::ACTION_DENY, v1::Verdict::REASON_NOT_RESOLVED, policy::kDefaultRuleId};
constexpr Verdict kBlocked{v1::ACTION_DENY, v1::Verdict::REASON_DNS_BLOCKED, policy::kDefaultRuleId};
constexpr Verdict kMismatch{v1::ACTION_DENY, v1::Verdict::REASON_NAME_MISMATCH, policy::kDefaultRuleId};

FlowQuery QueryOf(v1::Direction direction, const FlowKey& guest_side) {
  const bool egress = direction == v1::DIRECTION_EGRESS;
  return {.direction = direction,
          .protocol = guest_side.protocol,
          .remote = guest_side.remote.address,
          .port = egress ? guest_side.remote.port : guest_side.guest.port,
          .names = {}};
}

FlowQuery QueryOf(const Flow& flow) { return QueryOf(flow.direction, flow.guest_side); }

}  // namespace

Verdict FlowJudge::Evaluate(FlowQuery query, std::span<const DomainName> names) const {
  query.names = names;
  const Verdict verdict = parts_.judge.Evaluate(query);
  const bool needs_name = parts_.require_resolved && query.direction == v1::DIRECTION_EGRESS && names.empty();
  if (!verdict.allowed() || !needs_name) return verdict;
  return parts_.judge.policy().AllowsAddress(query, parts_.judge.groups()) ? verdict : kNotResolved;
}

FlowJudge::Opening FlowJudge::OfNew(v1::Direction direction, const FlowKey& guest_side) const {
  const FlowQuery query = QueryOf(direction, guest_side);
  if (direction != v1::DIRECTION_EGRESS) return {.verdict = Evaluate(query, {})};
  dns::Bindings::Names names = parts_.bindings.NamesOf(query.remote);
  Opening opening{.verdict = Evaluate(query, names.live), .names = std::move(names.live)};
  // The first rule that matches any of several names is the first of those that
  // match each: one name more at a time says all.
  std::vector<DomainName> with = opening.names;
  for (DomainName& name : names.stale) {
    with.push_back(name);
    if (Evaluate(query, with).allowed() != opening.verdict.allowed()) opening.stale.push_back(std::move(name));
    with.pop_back();
  }
  return opening;
}

Verdict FlowJudge::OfOpen(const Flow& flow) const {
  if (flow.direction != v1::DIRECTION_EGRESS) return Evaluate(QueryOf(flow), {});
  std::vector<DomainName> names;  // but those that may not lead there any more
  std::optional<Verdict> refused;
  for (const DomainName& name : flow.names) {
    const Verdict verdict = parts_.names.OfPair(rules(), name, flow.guest_side.remote.address);
    if (verdict.allowed()) {
      names.push_back(name);
    } else {
      refused = verdict;
    }
  }
  if (flow.server_name) {
    const Verdict named = OfNamed(flow, *flow.server_name);
    const bool settled = std::ranges::find(names, *flow.server_name) != names.end();
    if (settled || !named.allowed()) return named;
  } else if (refused && names.empty()) {
    return *refused;
  }
  const Verdict verdict = Evaluate(QueryOf(flow), names);
  return refused && !verdict.allowed() ? *refused : verdict;
}

bool FlowJudge::MayLead(const DomainName& name, const IpAddress& address) const {
  return parts_.names.OfPair(rules(), name, address).allowed() && rules().policy.EvaluateName(name).allowed();
}

bool FlowJudge::Inspects(const Flow& flow) const {
  if (flow.direction != v1::DIRECTION_EGRESS || flow.handler != flow::Handler::kStack) return false;
  const bool quic = flow.guest_side.protocol == v1::PROTOCOL_UDP && flow.guest_side.remote.port == kQuicPort;
  if (flow.guest_side.protocol != v1::PROTOCOL_TCP && !quic) return false;
  return parts_.names.NamesEnforced(parts_.judge.policy());
}

Verdict FlowJudge::OfNamed(const Flow& flow, const DomainName& name) const {
  if (parts_.names.Blocks(name)) return kBlocked;
  const FlowQuery query = QueryOf(flow);
  const Verdict named = Evaluate(query, {&name, 1});
  if (!AllowedByNamesOnly(query)) return named;
  // A rule that denies this very name is the better reason.
  const bool denied_by_name = !named.allowed() && named != parts_.judge.Evaluate(query);
  return denied_by_name || IsNameOf(flow, name) ? named : kMismatch;
}

Verdict FlowJudge::OfNameless(const Flow& flow) const {
  const FlowQuery query = QueryOf(flow);
  return AllowedByNamesOnly(query) ? kMismatch : Evaluate(query, flow.names);
}

bool FlowJudge::AllowedByNamesOnly(const FlowQuery& query) const { return !parts_.judge.Evaluate(query).allowed(); }

bool FlowJudge::IsNameOf(const Flow& flow, const DomainName& name) const {
  return std::ranges::find(flow.names, name) != flow.names.end() ||
         parts_.bindings.IsLive(name, flow.guest_side.remote.address);
}

}  // namespace sluice
