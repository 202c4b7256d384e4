#include "server/worker/worker_answer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "netsvc/base/field_error.h"
#include "netsvc/worker/activity.h"

namespace sluice {
namespace {

// A hundred remotes with their names are a tenth of it.
constexpr size_t kMaxShortAnswer = 1 << 20;
// Statistics of 65,538 rules and 4,096 of the floor, each with its longest id and
// largest numbers.
constexpr size_t kMaxRuleStats = 10 << 20;

constexpr int kReasons = v1::Verdict::Reason_ARRAYSIZE;

// Each reason is there once, so there are not more than there are reasons.
void TrimReasons(google::protobuf::RepeatedPtrField<internal::v1::ReasonCount>& counts) {
  const auto unknown = [](const internal::v1::ReasonCount& count) { return !v1::Verdict::Reason_IsValid(count.reason()); };
  counts.erase(std::remove_if(counts.begin(), counts.end(), unknown), counts.end());
  if (counts.size() > kReasons) counts.DeleteSubrange(kReasons, counts.size() - kReasons);
}

// It is added to that of the others, whose buckets are these.
bool IsLatency(const internal::v1::Histogram& histogram) {
  return std::ranges::equal(histogram.bounds(), Activity::kDnsLatencyBounds) &&
         histogram.counts_size() == histogram.bounds_size() + 1 && std::isfinite(histogram.sum()) && histogram.sum() >= 0;
}

}  // namespace

size_t MaxAnswer(const internal::v1::Request& request) {
  return request.has_get_rule_stats() ? kMaxRuleStats : kMaxShortAnswer;
}

std::string PlainText(absl::string_view text) {
  std::string plain(text.substr(0, kMaxWorkerText));
  std::ranges::replace_if(plain, [](unsigned char c) { return !absl::ascii_isprint(c); }, '?');
  return plain;
}

absl::Status StatusOf(const internal::v1::Response& response) {
  if (response.code() == 0) return absl::OkStatus();
  const std::string message = PlainText(response.message());
  constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);
  if (response.code() < 0 || response.code() > kLastCode) return absl::UnknownError(message);
  const auto code = static_cast<absl::StatusCode>(response.code());
  if (code == absl::StatusCode::kInvalidArgument && !response.field().empty()) {
    return FieldError(PlainText(response.field()), message);
  }
  return absl::Status(code, message);
}

void TrimStats(uint32_t top_remotes, internal::v1::StatsResult& stats) {
  TrimReasons(*stats.mutable_flows_denied());
  TrimReasons(*stats.mutable_dns_allowed());
  TrimReasons(*stats.mutable_dns_denied());
  if (!IsLatency(stats.dns_latency())) stats.clear_dns_latency();
  const int most = static_cast<int>(std::min<uint32_t>(top_remotes, static_cast<uint32_t>(stats.top_remotes_size())));
  stats.mutable_top_remotes()->DeleteSubrange(most, stats.top_remotes_size() - most);
  stats.set_audit_error(PlainText(stats.audit_error()));
  stats.DiscardUnknownFields();
}

}  // namespace sluice
