#include "clients/cli/policy_file.h"

#include <gtest/gtest.h>

#include "clients/cli/json.h"

namespace sluice::cli {
namespace {

constexpr char kJson[] = R"({"preset":"PRESET_ALLOWLIST","rules":[{"id":"pypi","action":"ACTION_ALLOW",)"
                         R"("peers":[{"domain":"*.pypi.org"}],"ports":[{"first":443}]}]})";

TEST(PolicyFile, JsonComesBackAsItWasPrinted) {
  const absl::StatusOr<v1::NetworkPolicy> policy = ParsePolicyJson(kJson);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(JsonLine(*policy), kJson);
  const absl::StatusOr<v1::NetworkPolicy> again = ParsePolicyJson(JsonPretty(*policy));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(JsonLine(*again), kJson);
}

TEST(PolicyFile, YamlSaysTheSame) {
  const absl::StatusOr<v1::NetworkPolicy> policy = ParsePolicyYaml(
      "preset: PRESET_ALLOWLIST\n"
      "rules:\n"
      "  - id: pypi\n"
      "    action: ACTION_ALLOW\n"
      "    peers: [{domain: '*.pypi.org'}]\n"
      "    ports:\n"
      "      - first: 443\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(JsonLine(*policy), kJson);
}

TEST(PolicyFile, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"{\"presets\":1}", "{\"preset\":\"PRESET_NOPE\"}", "[]", "", "{"}) {
    EXPECT_EQ(ParsePolicyJson(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  for (const char* text : {"preset: [", "a: b", "- 1", "preset: {a: b}", "{? [1]: 2}"}) {
    EXPECT_EQ(ParsePolicyYaml(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(PolicyFile, RefusesYamlThatNestsWithoutEnd) {
  EXPECT_FALSE(ParsePolicyYaml(std::string(200, '[') + std::string(200, ']')).ok());
}

TEST(PolicyFile, NamesTheFileThatIsMissing) {
  const absl::Status status = ReadPolicyFile("/nonexistent/policy.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("/nonexistent/policy.json"), absl::string_view::npos);
}

}  // namespace
}  // namespace sluice::cli
