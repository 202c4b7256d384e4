#include "server/access/access_policy.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"(
grants:
- role: admin
  certificates: ["URI:spiffe://example.com/root"]
- role: operator
  labels: [team=web, stage=ci]
  users: ["1234", daemon]
  certificates: ["CN=ci", "DNS:ci.example.com"]
  tokens: [web]
- role: auditor
  users: ["1234", "1235"]
)";

AccessPolicy Parsed(const std::string& text) {
  absl::StatusOr<AccessPolicy> policy = AccessPolicy::Parse(text);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *std::move(policy) : AccessPolicy();
}

TEST(AccessPolicyTest, TheFirstGrantThatNamesTheCallerIsTheCallers) {
  const AccessPolicy policy = Parsed(kFile);
  const std::optional<Caller> user = policy.OfUser(1234);
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->name, "user 1234");
  EXPECT_EQ(user->role, Role::kOperator);
  Labels labels;
  labels["team"] = "web";
  EXPECT_FALSE(user->Sees(labels));
  labels["stage"] = "ci";
  labels["more"] = "";
  EXPECT_TRUE(user->Sees(labels));
  EXPECT_EQ(policy.OfUser(1)->role, Role::kOperator) << "daemon";
  EXPECT_EQ(policy.OfUser(1235)->role, Role::kAuditor);
  EXPECT_TRUE(policy.OfUser(1235)->Sees({}));
  EXPECT_EQ(policy.OfUser(1236), std::nullopt);
}

TEST(AccessPolicyTest, KnowsCertificatesByAnyOfTheirNames) {
  const AccessPolicy policy = Parsed(kFile);
  EXPECT_EQ(policy.OfCertificate({"CN=x", "DNS:ci.example.com"})->name, "certificate DNS:ci.example.com");
  EXPECT_EQ(policy.OfCertificate({"CN=ci", "URI:spiffe://example.com/root"})->role, Role::kAdmin) << "in the file's order";
  EXPECT_EQ(policy.OfCertificate({"DNS:ci"}), std::nullopt) << "a common name is not an alternative name";
  EXPECT_EQ(policy.OfCertificate({}), std::nullopt);
  EXPECT_EQ(policy.OfToken("web")->name, "token web");
  EXPECT_EQ(policy.OfToken("we"), std::nullopt);
}

TEST(AccessPolicyTest, RootAndTheServersUserAreAlwaysAdministrators) {
  for (const AccessPolicy& policy : {AccessPolicy(), Parsed("grants: [{role: auditor, users: [\"0\"]}]")}) {
    EXPECT_TRUE(policy.OfUser(0)->IsAdmin());
    EXPECT_TRUE(policy.OfUser(geteuid())->IsAdmin());
    EXPECT_EQ(policy.OfUser(1234), std::nullopt);
  }
}

TEST(AccessPolicyTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"grants: [{users: [\"1\"]}]", "grants[0].role: is required: admin, operator or auditor"},
      {"grants: [{role: boss}]", "grants[0].role: is required"},
      {"grants: [{role: operator, users: [\"1\"]}]", "grants[0].labels: are required for an operator"},
      {"grants: [{role: admin, labels: [a=b], users: [\"1\"]}]", "grants[0].labels: are not for administrators"},
      {"grants: [{role: auditor}]", "grants[0].users: are required, or certificates or tokens"},
      {"grants: [{role: auditor, labels: [a], users: [\"1\"]}]", "a is not KEY=VALUE"},
      {"grants: [{role: auditor, users: [no-such-user-here]}]", "grants[0]: this host has no user no-such-user-here"},
      {"grants: [{role: auditor, certificates: [ci]}]", "ci is none of CN=, DNS:, URI: and email:"},
      {"grant: []", "line 1"},
      {"- role: admin", "line 1"},
  };
  for (const auto& [text, problem] : kCases) {
    const absl::Status status = AccessPolicy::Parse(text).status();
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(problem)) << text;
  }
}

}  // namespace
}  // namespace sluice
