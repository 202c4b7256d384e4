#include "netsvc/policy/rule_hits.h"

#include <cstddef>
#include <utility>

#include "google/protobuf/util/time_util.h"
#include "netsvc/policy/verdict.h"

namespace sluice::policy {

using google::protobuf::util::TimeUtil;

RuleHits::RuleHits(std::shared_ptr<const CompiledPolicy> policy, absl::Time since)
    : policy_(std::move(policy)), since_(since), hits_(policy_->rule_count() + 2) {
  IndexIds();
}

void RuleHits::ChangeFloor(std::shared_ptr<const CompiledPolicy> policy) {
  places_.clear();  // its keys are the old policy's
  hits_.erase(hits_.begin(), hits_.begin() + static_cast<std::ptrdiff_t>(policy_->floor_count()));
  hits_.insert(hits_.begin(), policy->floor_count(), Hits());
  policy_ = std::move(policy);
  IndexIds();
}

void RuleHits::IndexIds() {
  const auto rules = static_cast<uint32_t>(policy_->rule_count());
  places_.reserve(hits_.size());
  for (uint32_t rule = 0; rule < rules; ++rule) places_[policy_->rule_id(rule)] = rule;
  places_[kPresetRuleId] = rules;
  places_[kDefaultRuleId] = rules + 1;
}

void RuleHits::Count(Kind kind, v1::Action action, absl::string_view rule_id, absl::Time now) {
  const auto place = places_.find(rule_id.empty() ? kDefaultRuleId : rule_id);
  if (place == places_.end()) return;
  Hits& hits = hits_[place->second];
  ++hits.count[static_cast<size_t>(kind)][action == v1::ACTION_ALLOW ? 1 : 0];
  hits.last = now;
}

void RuleHits::AppendTo(google::protobuf::RepeatedPtrField<v1::RuleStats>& stats) const {
  const size_t floor = policy_->floor_count();
  const size_t rules = policy_->rule_count();
  stats.Reserve(static_cast<int>(hits_.size()));
  for (size_t rule = floor; rule < rules; ++rule) Append(policy_->rule_id(rule), hits_[rule], stats);
  Append(kPresetRuleId, hits_[rules], stats);
  Append(kDefaultRuleId, hits_[rules + 1], stats);
  for (size_t rule = 0; rule < floor; ++rule) {
    if (hits_[rule].last != absl::InfinitePast()) Append(policy_->rule_id(rule), hits_[rule], stats);
  }
}

void RuleHits::Append(absl::string_view rule_id, const Hits& hits,
                      google::protobuf::RepeatedPtrField<v1::RuleStats>& stats) const {
  const auto& flows = hits.count[static_cast<size_t>(Kind::kFlow)];
  const auto& names = hits.count[static_cast<size_t>(Kind::kName)];
  v1::RuleStats& told = *stats.Add();
  told.set_rule_id(std::string(rule_id));
  told.set_flows_allowed(flows[1]);
  told.set_flows_denied(flows[0]);
  told.set_names_allowed(names[1]);
  told.set_names_denied(names[0]);
  if (hits.last == absl::InfinitePast()) return;
  *told.mutable_last_hit_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(hits.last));
}

}  // namespace sluice::policy
