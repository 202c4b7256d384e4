// The table of clients/testdata/rules.json, which every client reads alike.

#include "clients/cpp/peer_syntax.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace sluice::client {
namespace {

using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageDifferencer;
using nlohmann::json;

json Cases(const char* kind) {
  std::ifstream file("clients/testdata/rules.json");
  return json::parse(file)[kind];
}

TEST(PeerSyntax, ReadsRulesAndWritesThem) {
  const json cases = Cases("good");
  ASSERT_FALSE(cases.empty());
  for (const json& good : cases) {
    const std::string text = good["text"];
    SCOPED_TRACE(text);
    absl::StatusOr<v1::Rule> rule = ParseRule(v1::ACTION_ALLOW, text);
    ASSERT_TRUE(rule.ok()) << rule.status();
    EXPECT_EQ(RuleText(*rule), "allow " + good.value("written", text));
    v1::Rule expected;
    ASSERT_TRUE(JsonStringToMessage(good["rule"].dump(), &expected).ok());
    expected.set_action(v1::ACTION_ALLOW);
    EXPECT_TRUE(MessageDifferencer::Equals(*rule, expected)) << rule->ShortDebugString();
  }
}

TEST(PeerSyntax, QuotesWhatItRefuses) {
  const json cases = Cases("bad");
  ASSERT_FALSE(cases.empty());
  for (const std::string text : cases) {
    const absl::StatusOr<v1::Rule> rule = ParseRule(v1::ACTION_DENY, text);
    ASSERT_FALSE(rule.ok()) << text;
    EXPECT_EQ(rule.status().message().substr(0, text.size() + 4), "\"" + text + "\": ");
  }
}

// Other clients leave it to the server to see that.
TEST(PeerSyntax, RefusesBitsPastThePrefix) { EXPECT_FALSE(ParseRule(v1::ACTION_DENY, "10.0.0.1/8").ok()); }

}  // namespace
}  // namespace sluice::client
