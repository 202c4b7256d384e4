#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/json.h"
#include "clients/cli/testing/cli_test_base.h"

namespace sluice::cli {
namespace {

using UpdateCommandTest = CliTestBase;

TEST_F(UpdateCommandTest, NamesWhatItChanges) {
  const CliResult result =
      RunCli({"update", "web", "-l", "tier=front", "--remove-label", "draft", "--nameserver", "9.9.9.9", "--block",
              "*.ads.test", "--block", "x.test", "--max-names", "100", "--max-queries", "0", "--reset", "limits"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "web\n");
  ASSERT_EQ(state_.updates.size(), 1u);
  EXPECT_EQ(absl::StrJoin(state_.updates[0].update_mask().paths(), " "),
            "labels.tier labels.draft network.dns.nameservers network.dns.blocked_domains "
            "network.dns.max_queries_per_second network.dns.max_names_per_domain network.limits");
  const v1::Sandbox& sandbox = state_.updates[0].sandbox();
  EXPECT_EQ(sandbox.labels().at("tier"), "front");
  EXPECT_EQ(sandbox.labels().count("draft"), 0u);
  EXPECT_EQ(JsonLine(sandbox.network().dns()),
            R"({"nameservers":["9.9.9.9"],"blocked_domains":["*.ads.test","x.test"],"max_names_per_domain":100})");
}

TEST_F(UpdateCommandTest, ChangesHowMuchOfTheLogIsKept) {
  EXPECT_EQ(RunCli({"update", "web", "--audit-max-bytes", "64K", "--audit-max-age", "1h30m"}).exit_code, 0);
  EXPECT_EQ(RunCli({"update", "web", "--audit-max-age", "0"}).exit_code, 0);
  EXPECT_EQ(RunCli({"update", "web", "--reset", "audit"}).exit_code, 0);
  EXPECT_EQ(RunCli({"update", "web", "--audit-max-age", "100ms"}).exit_code, 0);
  ASSERT_EQ(state_.updates.size(), 4u);
  EXPECT_EQ(absl::StrJoin(state_.updates[0].update_mask().paths(), " "),
            "network.audit.max_bytes network.audit.max_age");
  EXPECT_EQ(JsonLine(state_.updates[0].sandbox().network().audit()), R"({"max_bytes":"65536","max_age":"5400s"})");
  EXPECT_EQ(absl::StrJoin(state_.updates[1].update_mask().paths(), " "), "network.audit.max_age");
  EXPECT_EQ(JsonLine(state_.updates[1].sandbox().network().audit()), R"({"max_age":"0s"})");
  EXPECT_EQ(JsonLine(state_.updates[3].sandbox().network().audit()), R"({"max_age":"0.100s"})") << "not 0";
  EXPECT_EQ(absl::StrJoin(state_.updates[2].update_mask().paths(), " "), "network.audit");
  for (const char* wrong : {"week", "-1h", "inf", "7d", "60"}) {
    EXPECT_EQ(RunCli({"update", "web", absl::StrCat("--audit-max-age=", wrong)}).exit_code, 2) << wrong;
  }
}

TEST_F(UpdateCommandTest, WantsSomethingToChange) {
  EXPECT_EQ(RunCli({"update", "web"}).exit_code, 2);
  EXPECT_EQ(RunCli({"update", "web", "-l", "tier"}).exit_code, 2);
  EXPECT_TRUE(state_.updates.empty());
}

TEST_F(UpdateCommandTest, TellsWhyItCannot) {
  state_.refusal = grpc::Status(grpc::StatusCode::ABORTED, "the etag is another");
  const CliResult result = RunCli({"update", "web", "--max-flows", "5"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.err.find("cannot update web"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace sluice::cli
