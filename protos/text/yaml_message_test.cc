#include "protos/text/yaml_message.h"

#include <string>

#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "sluice/v1/policy.pb.h"

namespace sluice {
namespace {

using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageDifferencer;

constexpr char kJson[] = R"({"preset":"PRESET_ALLOWLIST","rules":[{"id":"pypi","action":"ACTION_ALLOW",)"
                         R"("peers":[{"domain":"*.pypi.org"}],"protocols":["PROTOCOL_TCP"],"ports":[{"first":443}]}],)"
                         R"("deny_response":"DENY_RESPONSE_DROP"})";

constexpr char kYaml[] =
    "preset: PRESET_ALLOWLIST  # nothing but\n"
    "rules:\n"
    "  - id: pypi\n"
    "    action: ACTION_ALLOW\n"
    "    peers: [{domain: '*.pypi.org'}]\n"
    "    protocols: [PROTOCOL_TCP]\n"
    "    ports:\n"
    "      - first: 443\n"
    "deny_response: DENY_RESPONSE_DROP\n";

std::string Problem(const std::string& text) {
  v1::NetworkPolicy policy;
  const absl::Status status = ParseYaml(text, policy);
  return std::string(status.message());
}

TEST(YamlMessage, ReadsYamlAndJsonAlike) {
  v1::NetworkPolicy wanted;
  ASSERT_TRUE(JsonStringToMessage(kJson, &wanted).ok());
  v1::NetworkPolicy policy;
  for (const std::string& text :
       {std::string(kYaml), std::string(kJson), std::string(R"({"preset": "PRESET_ALLOWLIST",)"
                                                            "\n\t\"rules\": [{\"id\": \"pypi\", \"action\": \"ACTION_ALLOW\","
                                                            "\n\t\t\"peers\": [{\"domain\": \"*.pypi.org\"}],"
                                                            "\n\t\t\"protocols\": [\"PROTOCOL_TCP\"], \"ports\": [{\"first\": 443}]}],"
                                                            "\n\t\"denyResponse\": \"DENY_RESPONSE_DROP\"}")}) {
    const absl::Status status = ParseYaml(text, policy);
    ASSERT_TRUE(status.ok()) << status << text;
    EXPECT_TRUE(MessageDifferencer::Equals(policy, wanted)) << policy.DebugString();
  }
}

TEST(YamlMessage, WritesWhatItReads) {
  v1::NetworkPolicy policy;
  ASSERT_TRUE(ParseYaml(kYaml, policy).ok());
  // Texts that YAML would take for something else, and bytes of other alphabets.
  for (const char* id : {"123", "true", "null", "~", "", "a: b # c", "\"'\\\n\t", "b\xc3\xbc\x63her", "- x", "1e3"}) {
    v1::Rule& rule = *policy.add_rules();
    rule.set_id(id);
    rule.add_peers()->set_cidr("10.0.0.0/8");
    rule.add_peers()->set_group(v1::ADDRESS_GROUP_HOST);
    rule.add_peers()->set_domain("");
    rule.add_ports()->set_last(65535);
    rule.add_ports();
  }
  v1::NetworkPolicy again;
  const std::string text = ToYaml(policy);
  const absl::Status status = ParseYaml(text, again);
  ASSERT_TRUE(status.ok()) << status << text;
  EXPECT_TRUE(MessageDifferencer::Equals(policy, again)) << text;
}

TEST(YamlMessage, NamesTheLineAndWhatIsWrongThere) {
  const struct {
    const char* text;
    const char* problem;
  } kCases[] = {
      {"preset: PRESET_NONE\nrule: []\n",
       "line 2: there is no field \"rule\" here; there are preset, rules, deny_response"},
      {"preset: PRESET_NONE\npreset: PRESET_NONE\n", "line 2: preset stands twice"},
      {"rules:\n- action: ACTION_DENY\n  ports: 443\n", "line 3: ports is a list, not \"443\""},
      {"rules:\n- ports:\n  - first: http\n", "line 3: first is a number from 0, not \"http\""},
      {"rules:\n- ports:\n  - first: -1\n", "line 3: first is a number from 0, not \"-1\""},
      {"rules:\n- ports:\n  - 443\n", "line 3: fields are wanted (first, last), not \"443\""},
      {"rules:\n- id: 7\n", "line 2: id is a text, not \"7\" without quotes"},
      {"rules:\n- id: [a]\n", "line 2: id is a text, not a list"},
      {"rules:\n", "line 1: rules has no value"},
      {"preset: allowlist\n", "line 1: \"allowlist\" is written PRESET_ALLOWLIST in a file"},
      {"deny_response: MAYBE\n",
       "line 1: deny_response is one of DENY_RESPONSE_REJECT, DENY_RESPONSE_DROP, not \"MAYBE\""},
      {"rules:\n- peers:\n  - cidr: 10.0.0.1\n    domain: a.test\n",
       "line 4: cidr and domain exclude one another"},
      {"- preset\n", "line 1: fields are wanted (preset, rules, deny_response), not a list"},
      {"", "it is empty; fields are wanted: preset, rules, deny_response"},
      {"# nothing\n", "it is empty; fields are wanted: preset, rules, deny_response"},
      {"{? [1]: 2}", "line 1: a field's name is wanted"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Problem(c.text), c.problem) << c.text;
}

TEST(YamlMessage, FindsTheLineOfAField) {
  const std::string text = "rules:\n- action: ACTION_DENY\n  peers:\n  - cidr: 10.0.0.0/8\n  - cidr: x\n- ports: []\n";
  EXPECT_EQ(LineOf(text, "rules[0].peers[1].cidr"), 5);
  EXPECT_EQ(LineOf(text, "rules[0].action"), 2);
  EXPECT_EQ(LineOf(text, "rules[1].action"), 6);  // it is not there
  EXPECT_EQ(LineOf(text, "rules[7]"), 2);
  EXPECT_EQ(LineOf("{\"preset\":\n\"X\"}", "preset"), 2);
  EXPECT_EQ(LineOf("{", "preset"), std::nullopt);
}

TEST(YamlMessage, RefusesWhatIsNoYaml) {
  for (const std::string& text : {std::string("preset: ["), std::string("{"), std::string("a: b: c"),
                                  std::string(200, '[') + std::string(200, ']'), std::string("*nowhere")}) {
    EXPECT_EQ(Problem(text).substr(0, 5), "line ") << text;
  }
}

}  // namespace
}  // namespace sluice
