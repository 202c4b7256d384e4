#include "netsvc/worker/explainer.h"

#include <cstdint>
#include <utility>

#include "netsvc/base/field_error.h"
#include "netsvc/flow/flow.h"

namespace sluice {
namespace {

using internal::v1::Evaluate;
using internal::v1::EvaluateResult;
using policy::Verdict;

constexpr uint16_t kDnsPort = 53;

// What the interceptor answers, whatever address it is sent to.
bool IsDns(const Evaluate& question) {
  return question.direction() == v1::DIRECTION_EGRESS && question.port() == kDnsPort &&
         (question.protocol() == v1::PROTOCOL_TCP || question.protocol() == v1::PROTOCOL_UDP);
}

absl::StatusOr<std::optional<DomainName>> NameOf(const Evaluate& question) {
  if (question.remote_domain().empty()) return std::nullopt;
  absl::StatusOr<DomainName> name = DomainName::FromText(question.remote_domain());
  if (!name.ok()) return FieldError("remote_domain", name.status().message());
  return *std::move(name);
}

}  // namespace

absl::StatusOr<EvaluateResult> Explainer::Explain(const Evaluate& question) const {
  const absl::StatusOr<std::optional<DomainName>> name = NameOf(question);
  if (!name.ok()) return name.status();
  EvaluateResult result;
  if (question.remote_address().empty()) {
    if (!name->has_value()) return FieldError("remote_address", "is required, or remote_domain is");
    *result.mutable_verdict() = OfQuery({v1::PROTOCOL_UDP, {}, {parts_.resolver, kDnsPort}}, *name).ToProto();
    return result;
  }
  const std::optional<IpAddress> remote = IpAddress::Parse(question.remote_address());
  if (!remote) return FieldError("remote_address", "must be an IPv4 or IPv6 address");
  result.set_remote_group(parts_.judge.groups().Classify(*remote));
  const Verdict verdict = IsDns(question) ? OfQuery({question.protocol(), {}, {*remote, kDnsPort}}, *name)
                                          : OfFlow(question, *remote, *name);
  *result.mutable_verdict() = verdict.ToProto();
  return result;
}

Verdict Explainer::OfQuery(const dns::Asked& asked, const std::optional<DomainName>& name) const {
  const policy::CompiledPolicy& policy = parts_.judge.policy();
  const policy::AddressGroups& groups = parts_.judge.groups();
  if (name) return parts_.names.OfQuery({policy, groups}, asked, *name);
  return policy.EvaluateResolver(asked.transport, asked.resolver.address, groups);
}

Verdict Explainer::OfFlow(const Evaluate& question, const IpAddress& remote,
                          const std::optional<DomainName>& name) const {
  flow::Flow flow;
  flow.direction = question.direction();
  const bool egress = flow.direction == v1::DIRECTION_EGRESS;
  const auto port = static_cast<uint16_t>(question.port());
  flow.guest_side = {question.protocol(), {{}, egress ? uint16_t{0} : port}, {remote, egress ? port : uint16_t{0}}};
  if (name) {
    flow.names = {*name};
    return parts_.flows.OfNamed(flow, *name);
  }
  FlowJudge::Opening opening = parts_.flows.OfNew(flow.direction, flow.guest_side);
  if (opening.stale.empty()) return opening.verdict;
  // They are resolved again before the flow opens: to the same, for all that is
  // known.
  flow.names = std::move(opening.names);
  for (DomainName& stale : opening.stale) flow.names.push_back(std::move(stale));
  return parts_.flows.OfOpen(flow);
}

}  // namespace sluice
