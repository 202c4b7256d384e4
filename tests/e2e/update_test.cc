// UpdateSandbox: labels, DNS settings and limits of a sandbox that runs.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kEcho[] = "198.35.26.96";

class UpdateTest : public E2eTest {
 protected:
  // Get shows what Update answered.
  static v1::Sandbox Update(const std::string& id, const std::string& sandbox, const std::string& paths) {
    const v1::Sandbox updated = E2eTest::Update(id, sandbox, paths);
    const absl::StatusOr<v1::Sandbox> shown = client().Get(id);
    EXPECT_TRUE(shown.ok()) << shown.status();
    EXPECT_EQ(shown->SerializeAsString().size(), updated.SerializeAsString().size()) << "Get shows another";
    EXPECT_EQ(shown->etag(), updated.etag());
    return updated;
  }

  static std::string Status(const std::string& id, const std::string& name) {
    return Run(id, DigStatus("8.8.8.8", name)).out;
  }

  static std::vector<std::string> WithLabel(const std::string& key, const std::string& value) {
    v1::ListSandboxesRequest request;
    (*request.mutable_labels())[key] = value;
    return client().List(request).value_or(std::vector<std::string>());
  }
};

TEST_F(UpdateTest, DnsSettingsAreInForceWithTheAnswer) {
  const std::string id = CreateOci("");
  EXPECT_EQ(Status(id, "v4only.example.com"), "NOERROR\n");
  Update(id, "network { dns { blocked_domains: '*.example.com' } }", "paths: 'network.dns.blocked_domains'");
  EXPECT_EQ(Status(id, "v4only.example.com"), "NXDOMAIN\n");
  AwaitEvent(id, DnsQuery("v4only.example.com", v1::Verdict::REASON_DNS_BLOCKED));
  Update(id, "", "paths: 'network.dns.blocked_domains'");
  EXPECT_EQ(Status(id, "v4only.example.com"), "NOERROR\n");

  EXPECT_EQ(Status(id, "rebind.test"), "NXDOMAIN\n");
  Update(id, "network { dns { rebinding_protection: false } }", "paths: 'network.dns.rebinding_protection'");
  EXPECT_EQ(Status(id, "rebind.test"), "NOERROR\n");

  Update(id, "network { dns { nameservers: '149.112.112.12' } }", "paths: 'network.dns.nameservers'");
  EXPECT_EQ(Status(id, "v4only.example.com"), "SERVFAIL\n") << "what the former resolvers said is forgotten";
  const v1::Sandbox reset = Update(id, "", "paths: 'network.dns'");
  EXPECT_EQ(Status(id, "v4only.example.com"), "NOERROR\n");
  EXPECT_FALSE(reset.network().dns().has_rebinding_protection());
  EXPECT_EQ(reset.network().dns().query_timeout().seconds(), 2);
}

TEST_F(UpdateTest, OpenFlowsAreJudgedAgainByTheirNames) {
  const auto why = [](const std::string& id) {
    const v1::AuditEvent closed = AwaitEvent(id, [](const v1::AuditEvent& event) {
      return event.flow().phase() == v1::FlowEvent::PHASE_CLOSED && event.flow().remote().port() == 7;
    });
    EXPECT_EQ(closed.flow().end_cause(), v1::FlowEvent::END_CAUSE_ENDED);
    EXPECT_EQ(closed.flow().bytes_to_remote(), 6u) << "of what was said while it was allowed";
    return closed.flow().verdict().reason();
  };
  const std::string all = "paths: 'network.dns'";

  const std::string blocks = CreateOci("");
  GuestExec to_blocked(client(), blocks, TcpDialogue("echo.example.com", 7));
  ASSERT_EQ(to_blocked.ReadLine().value_or(""), "open");
  Update(blocks, "network { dns { blocked_domains: 'web.example.com' } }", all);
  to_blocked.Write("still\n");
  EXPECT_EQ(to_blocked.ReadLine().value_or(""), "still") << "that is another name";
  Update(blocks, "network { dns { blocked_domains: 'echo.example.com' } }", all);
  EXPECT_EQ(to_blocked.ReadLine().value_or(""), "ECONNRESET");
  EXPECT_EQ(why(blocks), v1::Verdict::REASON_DNS_BLOCKED);

  const std::string protects = Create(R"(
      guest { oci {} } network { dns { rebinding_protection: false } policy {
        preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: 'rebind.test' } } } })");
  GuestExec to_private(client(), protects, TcpDialogue("rebind.test", 7));
  ASSERT_EQ(to_private.ReadLine().value_or(""), "open");
  Update(protects, "network { dns { rebinding_exempt_domains: 'rebind.test' } }", all);
  to_private.Write("still\n");
  EXPECT_EQ(to_private.ReadLine().value_or(""), "still") << "the name is exempt";
  Update(protects, "", all);
  EXPECT_EQ(to_private.ReadLine().value_or(""), "ECONNRESET");
  EXPECT_EQ(why(protects), v1::Verdict::REASON_DNS_REBINDING);
  EXPECT_EQ(Run(protects, TcpConnect("10.1.2.3", 7)).out, "ECONNREFUSED\n");
}

TEST_F(UpdateTest, LimitsAreInForceWithTheAnswer) {
  const std::string id = CreateOci("");
  GuestExec dialogue(client(), id, TcpDialogue(kEcho, 7));
  ASSERT_EQ(dialogue.ReadLine().value_or(""), "open");
  const v1::Sandbox updated = Update(id, "network { limits { max_flows: 1 } }", "paths: 'network.limits.max_flows'");
  EXPECT_EQ(updated.network().limits().max_flows(), 1u);
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ECONNREFUSED\n");
  AwaitEvent(id, Denied(kEcho, 7, v1::Verdict::REASON_LIMIT));
  dialogue.Write("still\n");
  EXPECT_EQ(dialogue.ReadLine().value_or(""), "still") << "what was open stays";
  Update(id, "", "paths: 'network.limits'");
  EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
}

TEST_F(UpdateTest, LabelsSelectAtOnce) {
  const std::string id = Create("guest { oci {} } labels { key: 'team' value: 'a' }");
  Update(id, "labels { key: 'tier' value: 'x' }", "paths: 'labels.tier'");
  EXPECT_THAT(WithLabel("team", "a"), Contains(id));
  EXPECT_THAT(WithLabel("tier", "x"), Contains(id));
  Update(id, "labels { key: 'team' value: 'b' }", "paths: 'labels'");
  EXPECT_THAT(WithLabel("team", "b"), Contains(id));
  EXPECT_THAT(WithLabel("team", "a"), Not(Contains(id)));
  EXPECT_THAT(WithLabel("tier", "x"), Not(Contains(id)));
  const auto watched = client().AwaitSandbox(
      [&](const v1::Sandbox& sandbox) { return sandbox.id() == id && sandbox.labels().count("tier") == 0; });
  ASSERT_TRUE(watched.ok()) << watched.status();
  EXPECT_EQ(watched->labels().at("team"), "b");

  v1::StreamAuditEventsRequest events;
  (*events.mutable_labels())["team"] = "b";
  EXPECT_THAT(client().Events(events).value_or(std::vector<v1::AuditEvent>()), Not(testing::IsEmpty()));
  (*events.mutable_labels())["team"] = "a";
  EXPECT_THAT(client().Events(events).value_or(std::vector<v1::AuditEvent>()), testing::IsEmpty());
}

TEST_F(UpdateTest, AnEtagMakesItConditional) {
  const std::string id = CreateOci("");
  const std::string etag = client().Get(id)->etag();
  const v1::Sandbox first =
      Update(id, absl::StrCat("etag: '", etag, "' labels { key: 'n' value: '1' }"), "paths: 'labels'");
  EXPECT_NE(first.etag(), etag);
  const grpc::Status stale =
      TryUpdate(id, absl::StrCat("etag: '", etag, "' labels { key: 'n' value: '2' }"), "paths: 'labels'");
  EXPECT_EQ(stale.error_code(), grpc::StatusCode::ABORTED) << stale.error_message();
  EXPECT_EQ(client().Get(id)->labels().at("n"), "1");
}

TEST_F(UpdateTest, WhatIsWrongIsNamedAndChangesNothing) {
  const std::string id = CreateOci("");
  const std::string etag = client().Get(id)->etag();
  const auto field = [&](const std::string& sandbox, const std::string& paths) {
    const grpc::Status status = TryUpdate(id, sandbox, paths);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return BadField(status);
  };
  EXPECT_EQ(field("", ""), "update_mask");
  EXPECT_EQ(field("", "paths: 'network.policy'"), "update_mask.paths[0]");
  EXPECT_EQ(field("network { dns { nameservers: '1.1.1.1' nameservers: 'dns.google' } }", "paths: 'network.dns'"),
            "sandbox.network.dns.nameservers[1]");
  EXPECT_EQ(field("labels { key: '' value: '' }", "paths: 'labels'"), "sandbox.labels");
  EXPECT_EQ(client().Get(id)->etag(), etag);
  EXPECT_EQ(TryUpdate("nobody", "", "paths: 'labels'").error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace sluice::e2e
