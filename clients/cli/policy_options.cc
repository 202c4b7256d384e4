#include "clients/cli/policy_options.h"

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/peer_syntax.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

using client::ParseRule;

constexpr char kGroup[] = "Policy";

void AddRuleOption(CLI::App* app, const std::string& name, v1::Action action, v1::NetworkPolicy& policy) {
  const auto add_rule = [name, action, &policy](const std::string& text) {
    const absl::StatusOr<v1::Rule> rule = ParseRule(action, text);
    if (!rule.ok()) throw CLI::ValidationError(name, std::string(rule.status().message()));
    *policy.add_rules() = *rule;
  };
  // On each occurrence, so that --allow and --deny keep their order.
  app->add_option_function<std::string>(name, add_rule,
                                        "A rule; the first that matches decides. May be repeated")
      ->trigger_on_parse()
      ->type_name("PEER[:PORT][/PROTO]")
      ->group(kGroup);
}

}  // namespace

void AddPolicyOptions(CLI::App* app, v1::NetworkPolicy& policy) {
  const auto set_preset = [&policy](const std::string& word) {
    const std::optional<v1::Preset> preset = ParseEnumWord<v1::Preset>(word);
    if (!preset) {
      throw CLI::ValidationError("--policy",
                                 absl::StrCat("\"", word, "\" is not one of ", EnumWords<v1::Preset>()));
    }
    policy.set_preset(*preset);
  };
  app->add_option_function<std::string>(
         "--policy,--preset", set_preset,
         absl::StrCat("What applies after the rules: ", EnumWords<v1::Preset>()))
      ->type_name("PRESET")
      ->group(kGroup);
  AddRuleOption(app, "--allow", v1::ACTION_ALLOW, policy);
  AddRuleOption(app, "--deny", v1::ACTION_DENY, policy);
  app->add_flag_callback(
         "--drop", [&policy] { policy.set_deny_response(v1::DENY_RESPONSE_DROP); },
         "Answer denied packets with silence instead of a refusal")
      ->group(kGroup);
}

}  // namespace sluice::cli
