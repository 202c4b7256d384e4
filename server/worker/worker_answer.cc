#include "server/worker/worker_answer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "google/protobuf/wire_format.h"
#include "google/protobuf/wire_format_lite.h"
#include "netsvc/base/field_error.h"
#include "netsvc/worker/activity.h"

namespace sluice {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Of one rule's statistics: 133 bytes with the longest id and the largest numbers, in
// two messages. The rest is for fields of later versions.
constexpr AnswerLimit kOneRule = {.bytes = 144, .parts = 4};
// Beside the rules: an error is a sentence and a field's path.
constexpr AnswerLimit kNoRules = {.bytes = 64 << 10, .parts = 64};

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

// Takes the parts of a message of `type`, which is what is left of `input`, from
// `left`. False where these are too few, or it is no such message.
bool TakeParts(const Descriptor& type, CodedInputStream& input, size_t& left) {
  while (const uint32_t tag = input.ReadTag()) {
    const WireFormatLite::WireType wire_type = WireFormatLite::GetTagWireType(tag);
    // Nobody writes groups, and they have parts of their own.
    if (wire_type == WireFormatLite::WIRETYPE_START_GROUP) return false;
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const bool known = field != nullptr && WireFormat::WireTypeForField(field) == wire_type;
    const bool message = known && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if ((message || !known) && left-- == 0) return false;
    if (!message) {
      if (!WireFormatLite::SkipField(&input, tag)) return false;
      continue;
    }
    int size = 0;
    if (!input.ReadVarintSizeAsInt(&size)) return false;
    const CodedInputStream::Limit outer = input.PushLimit(size);
    if (!TakeParts(*field->message_type(), input, left)) return false;
    input.PopLimit(outer);
  }
  return input.ConsumedEntireMessage();
}

}  // namespace

AnswerLimit RuleStatsLimit(size_t rules) {
  return {.bytes = kNoRules.bytes + rules * kOneRule.bytes, .parts = kNoRules.parts + rules * kOneRule.parts};
}

std::optional<internal::v1::Response> ParseAnswer(absl::string_view bytes, const AnswerLimit& limit) {
  if (bytes.size() > limit.bytes) return std::nullopt;
  CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  size_t left = limit.parts;
  internal::v1::Response response;
  if (!TakeParts(*response.GetDescriptor(), input, left)) return std::nullopt;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return response;
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

void TrimRuleStats(size_t rules, internal::v1::RuleStatsResult& stats) {
  const int most = static_cast<int>(std::min(rules, static_cast<size_t>(stats.rule_stats_size())));
  stats.mutable_rule_stats()->DeleteSubrange(most, stats.rule_stats_size() - most);
  stats.DiscardUnknownFields();
}

}  // namespace sluice
