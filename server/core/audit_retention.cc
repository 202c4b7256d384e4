#include "server/core/audit_retention.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

// What google.protobuf.Duration may be.
constexpr int64_t kMaxAgeSeconds = google::protobuf::util::TimeUtil::kDurationMaxSeconds;

// 0 is no bound.
template <typename Number>
Number Smaller(Number a, Number b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

}  // namespace

absl::Status CheckAudit(absl::string_view field, v1::AuditConfig& audit) {
  if (audit.max_bytes() != 0 && audit.max_bytes() < kMinAuditBytes) {
    return FieldError(absl::StrCat(field, ".max_bytes"), absl::StrCat("must be 0, or at least ", kMinAuditBytes));
  }
  const google::protobuf::Duration age = audit.max_age();
  if (age.seconds() == 0 && age.nanos() == 0) return absl::OkStatus();
  const int64_t least = absl::ToInt64Seconds(kMinAuditAge);
  if (age.seconds() < least || age.seconds() > kMaxAgeSeconds) {
    return FieldError(absl::StrCat(field, ".max_age"),
                      absl::StrCat("must be 0, or ", least, " to ", kMaxAgeSeconds, " seconds"));
  }
  audit.mutable_max_age()->set_nanos(0);
  return absl::OkStatus();
}

absl::Status CheckAuditFits(absl::string_view field, const v1::AuditConfig& audit,
                            const internal::v1::AuditOptions& most) {
  if (most.max_bytes() != 0 && audit.max_bytes() > most.max_bytes()) {
    return FieldError(absl::StrCat(field, ".max_bytes"),
                      absl::StrCat("must be at most ", most.max_bytes(), ", the server's --audit_max_bytes"));
  }
  if (most.max_age_seconds() != 0 && audit.max_age().seconds() > most.max_age_seconds()) {
    return FieldError(absl::StrCat(field, ".max_age"),
                      absl::StrCat("must be at most ", most.max_age_seconds(), " seconds, the server's --audit_max_age"));
  }
  return absl::OkStatus();
}

internal::v1::AuditOptions NarrowAudit(internal::v1::AuditOptions most, const v1::AuditConfig& audit) {
  most.set_max_bytes(Smaller(most.max_bytes(), audit.max_bytes()));
  most.set_max_age_seconds(Smaller(most.max_age_seconds(), int64_t{audit.max_age().seconds()}));
  return most;
}

absl::Duration NarrowAuditAge(absl::Duration most, const v1::AuditConfig& audit) {
  if (audit.max_age().seconds() == 0) return most;
  return std::min(most, absl::Seconds(audit.max_age().seconds()));
}

}  // namespace sluice
