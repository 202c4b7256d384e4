#ifndef SLUICE_SERVER_SERVICE_AUDIT_FILTER_H_
#define SLUICE_SERVER_SERVICE_AUDIT_FILTER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_prefix.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// An AuditFilter, checked and made ready to be asked. Immutable; any thread.
class CompiledAuditFilter {
 public:
  // In each list of the filter.
  static constexpr int kMaxEntries = 1024;

  // FieldError with a path inside the filter ("domains[2]").
  static absl::StatusOr<CompiledAuditFilter> Compile(const v1::AuditFilter& filter);

  // Does the event match every field that is set?
  bool Matches(const v1::AuditEvent& event) const;

 private:
  bool MatchesKind(const v1::AuditEvent& event) const;
  bool MatchesAction(const v1::AuditEvent& event) const;
  bool MatchesProtocol(const v1::AuditEvent& event) const;
  bool MatchesDomain(const v1::AuditEvent& event) const;
  bool MatchesRemote(const v1::AuditEvent& event) const;

  v1::AuditFilter source_;
  std::vector<DomainPattern> domains_;
  std::vector<IpPrefix> remotes_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_FILTER_H_
