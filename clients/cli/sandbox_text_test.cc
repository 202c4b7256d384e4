#include "clients/cli/sandbox_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cli/text.h"

namespace sluice::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

v1::Sandbox Web() {
  v1::Sandbox sandbox;
  sandbox.set_id("web");
  sandbox.set_state(v1::Sandbox::STATE_RUNNING);
  (*sandbox.mutable_labels())["team"] = "ci";
  (*sandbox.mutable_labels())["app"] = "web";
  sandbox.mutable_guest()->mutable_oci()->set_rootfs("/srv/root");
  v1::NetworkPolicy& policy = *sandbox.mutable_network()->mutable_policy();
  policy.set_preset(v1::PRESET_ALLOWLIST);
  v1::Rule& rule = *policy.add_rules();
  rule.set_action(v1::ACTION_ALLOW);
  rule.add_peers()->set_domain("*.pypi.org");
  rule.add_ports()->set_first(443);
  v1::NetworkStatus& status = *sandbox.mutable_network_status();
  status.set_ipv4_address("10.0.2.15");
  status.set_ipv6_address("fd73:6c75:6963:1::f");
  status.set_ipv4_gateway("10.0.2.2");
  status.set_policy_generation(2);
  v1::PortMapping& port = *status.add_ports();
  port.set_host_port(8080);
  port.set_guest_port(80);
  *sandbox.mutable_create_time() = ToProto(kNow - absl::Seconds(90));
  return sandbox;
}

TEST(SandboxText, TableHasOneLineASandbox) {
  v1::Sandbox bare;
  bare.set_id("bare");
  EXPECT_EQ(SandboxTable({Web(), bare}, kNow),
            "ID    STATE        GUEST  POLICY       PORTS                   AGE\n"
            "web   running      oci    allowlist    127.0.0.1:8080->80/tcp  1m30s\n"
            "bare  unspecified  -      unspecified  -                       -\n");
}

TEST(SandboxText, AgesAreWholeSeconds) {
  const auto age = [](absl::Duration age) {
    v1::Sandbox sandbox;
    *sandbox.mutable_create_time() = ToProto(kNow - age);
    return SandboxDetails(sandbox, kNow);
  };
  EXPECT_THAT(age(absl::ZeroDuration()), testing::HasSubstr("Age     0 s\n"));
  EXPECT_THAT(age(absl::Seconds(-3)), testing::HasSubstr("Age     0 s\n")) << "a server whose clock is ahead";
  EXPECT_THAT(age(absl::Milliseconds(59'999)), testing::HasSubstr("Age     59 s\n"));
  EXPECT_THAT(age(absl::Seconds(61)), testing::HasSubstr("Age     1m1s\n"));
}

TEST(SandboxText, DetailsTellHowLittleOfTheLogIsKept) {
  v1::Sandbox sandbox;
  sandbox.mutable_network()->mutable_audit()->set_max_bytes(1'000'000);
  EXPECT_THAT(SandboxDetails(sandbox, kNow), testing::HasSubstr("Audit log  at most 1.0 MB\n"));
  sandbox.mutable_network()->mutable_audit()->mutable_max_age()->set_seconds(5400);
  EXPECT_THAT(SandboxDetails(sandbox, kNow), testing::HasSubstr("Audit log  at most 1.0 MB, 1h30m\n"));
  sandbox.mutable_network()->mutable_audit()->set_max_bytes(0);
  EXPECT_THAT(SandboxDetails(sandbox, kNow), testing::HasSubstr("Audit log  at most 1h30m\n"));
}

TEST(SandboxText, DetailsLeaveOutWhatIsEmpty) {
  EXPECT_EQ(SandboxDetails(Web(), kNow),
            "Id       web\n"
            "State    running\n"
            "Guest    oci /srv/root\n"
            "Labels   app=web, team=ci\n"
            "Policy   allowlist, generation 2\n"
            "           allow *.pypi.org:443\n"
            "Ports    127.0.0.1:8080->80/tcp\n"
            "Address  10.0.2.15, fd73:6c75:6963:1::f\n"
            "Gateway  10.0.2.2\n"
            "Age      1m30s\n");
}

}  // namespace
}  // namespace sluice::cli
