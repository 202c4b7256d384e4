#include "clients/cpp/policy.h"

#include "clients/cpp/peer_syntax.h"

namespace sluice::client {

Policy& Policy::preset(v1::Preset preset) {
  policy_.set_preset(preset);
  return *this;
}

Policy& Policy::drop() {
  policy_.set_deny_response(v1::DENY_RESPONSE_DROP);
  return *this;
}

absl::StatusOr<v1::NetworkPolicy> Policy::Build() const {
  if (!status_.ok()) return status_;
  v1::NetworkPolicy policy = policy_;
  if (policy.preset() == v1::PRESET_UNSPECIFIED) {
    policy.set_preset(allows_ ? v1::PRESET_ALLOWLIST : v1::PRESET_PUBLIC_ONLY);
  }
  return policy;
}

Policy& Policy::Add(v1::Action action, absl::string_view rule) {
  absl::StatusOr<v1::Rule> parsed = ParseRule(action, rule);
  status_.Update(parsed.status());
  if (parsed.ok()) *policy_.add_rules() = *std::move(parsed);
  allows_ |= action == v1::ACTION_ALLOW;
  return *this;
}

}  // namespace sluice::client
