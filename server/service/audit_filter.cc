#include "server/service/audit_filter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

v1::AuditFilter::Kind KindOf(const v1::AuditEvent& event) {
  switch (event.event_case()) {
    case v1::AuditEvent::kFlow:
      return v1::AuditFilter::KIND_FLOW;
    case v1::AuditEvent::kDns:
      return v1::AuditFilter::KIND_DNS;
    case v1::AuditEvent::kPort:
      return v1::AuditFilter::KIND_PORT;
    case v1::AuditEvent::kPolicy:
      return v1::AuditFilter::KIND_POLICY;
    case v1::AuditEvent::kLifecycle:
      return v1::AuditFilter::KIND_LIFECYCLE;
    case v1::AuditEvent::EVENT_NOT_SET:
      break;
  }
  return v1::AuditFilter::KIND_UNSPECIFIED;
}

template <typename Values, typename Value>
bool Contains(const Values& values, Value wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

std::string Entry(absl::string_view list, int index) { return absl::StrCat(list, "[", index, "]"); }

absl::Status CheckSizes(const v1::AuditFilter& filter) {
  const std::pair<absl::string_view, int> lists[] = {{"kinds", filter.kinds_size()},
                                                     {"protocols", filter.protocols_size()},
                                                     {"domains", filter.domains_size()},
                                                     {"remote_cidrs", filter.remote_cidrs_size()}};
  for (const auto& [name, size] : lists) {
    if (size > CompiledAuditFilter::kMaxEntries) {
      return FieldError(name, absl::StrCat("has more than ", CompiledAuditFilter::kMaxEntries, " entries"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEnums(const v1::AuditFilter& filter) {
  if (!v1::Action_IsValid(filter.action())) return FieldError("action", "is not an action");
  for (int i = 0; i < filter.kinds_size(); ++i) {
    if (filter.kinds(i) == v1::AuditFilter::KIND_UNSPECIFIED || !v1::AuditFilter::Kind_IsValid(filter.kinds(i))) {
      return FieldError(Entry("kinds", i), "is not a kind of event");
    }
  }
  for (int i = 0; i < filter.protocols_size(); ++i) {
    if (filter.protocols(i) == v1::PROTOCOL_UNSPECIFIED || !v1::Protocol_IsValid(filter.protocols(i))) {
      return FieldError(Entry("protocols", i), "is not a protocol");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CompiledAuditFilter> CompiledAuditFilter::Compile(const v1::AuditFilter& filter) {
  absl::Status status = CheckSizes(filter);
  if (status.ok()) status = CheckEnums(filter);
  if (!status.ok()) return status;
  CompiledAuditFilter compiled;
  compiled.source_ = filter;
  for (int i = 0; i < filter.domains_size(); ++i) {
    absl::StatusOr<DomainPattern> pattern = DomainPattern::Parse(filter.domains(i));
    if (!pattern.ok()) return FieldError(Entry("domains", i), pattern.status().message());
    compiled.domains_.push_back(*std::move(pattern));
  }
  for (int i = 0; i < filter.remote_cidrs_size(); ++i) {
    const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(filter.remote_cidrs(i));
    if (!prefix.ok()) return FieldError(Entry("remote_cidrs", i), prefix.status().message());
    compiled.remotes_.push_back(*prefix);
  }
  return compiled;
}

bool CompiledAuditFilter::Matches(const v1::AuditEvent& event) const {
  return MatchesKind(event) && MatchesAction(event) && MatchesProtocol(event) && MatchesDomain(event) &&
         MatchesRemote(event);
}

bool CompiledAuditFilter::MatchesKind(const v1::AuditEvent& event) const {
  return source_.kinds().empty() || Contains(source_.kinds(), KindOf(event));
}

bool CompiledAuditFilter::MatchesAction(const v1::AuditEvent& event) const {
  if (source_.action() == v1::ACTION_UNSPECIFIED) return true;
  if (event.has_flow()) return event.flow().verdict().action() == source_.action();
  return event.has_dns() && event.dns().verdict().action() == source_.action();
}

bool CompiledAuditFilter::MatchesProtocol(const v1::AuditEvent& event) const {
  if (source_.protocols().empty()) return true;
  if (event.has_flow()) return Contains(source_.protocols(), event.flow().protocol());
  if (event.has_dns()) return Contains(source_.protocols(), event.dns().transport());
  return event.has_port() && Contains(source_.protocols(), event.port().port().protocol());
}

bool CompiledAuditFilter::MatchesDomain(const v1::AuditEvent& event) const {
  if (domains_.empty()) return true;
  const auto covered = [this](const std::string& text) {
    const absl::StatusOr<DomainName> name = DomainName::FromText(text);
    return name.ok() && std::any_of(domains_.begin(), domains_.end(),
                                    [&](const DomainPattern& pattern) { return pattern.Matches(*name); });
  };
  if (event.has_dns()) return covered(event.dns().name());
  if (!event.has_flow()) return false;
  return std::any_of(event.flow().domains().begin(), event.flow().domains().end(), covered) ||
         covered(event.flow().server_name());
}

bool CompiledAuditFilter::MatchesRemote(const v1::AuditEvent& event) const {
  if (remotes_.empty()) return true;
  if (!event.has_flow()) return false;
  const std::optional<IpAddress> remote = IpAddress::Parse(event.flow().remote().address());
  return remote && std::any_of(remotes_.begin(), remotes_.end(),
                               [&](const IpPrefix& prefix) { return prefix.Contains(*remote); });
}

}  // namespace sluice
