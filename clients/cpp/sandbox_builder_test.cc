#include "clients/cpp/sandbox_builder.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"

namespace sluice::client {
namespace {

std::string Text(const google::protobuf::Message& message) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  return text;
}

// What it builds, written as `wanted` would be.
void ExpectBuilds(const SandboxBuilder& builder, const std::string& wanted) {
  const absl::StatusOr<v1::Sandbox> built = builder.Build();
  ASSERT_TRUE(built.ok()) << built.status();
  v1::Sandbox expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(wanted, &expected));
  EXPECT_EQ(Text(*built), Text(expected));
}

v1::Preset PresetOf(const Policy& policy) {
  const absl::StatusOr<v1::NetworkPolicy> built = policy.Build();
  EXPECT_TRUE(built.ok()) << built.status();
  return built.ok() ? built->preset() : v1::PRESET_UNSPECIFIED;
}

TEST(SandboxBuilder, ReadsLikeASentence) {
  ExpectBuilds(SandboxBuilder("web")
                   .rootfs("/srv/../srv/root")
                   .port(8080, 80)
                   .port_udp(5353, 53)
                   .allow("*.pypi.org")
                   .block("*.tracking.com"),
               R"(id: "web" guest { oci { rootfs: "/srv/root" } }
                  network {
                    policy {
                      preset: PRESET_ALLOWLIST
                      rules { action: ACTION_ALLOW peers { domain: "*.pypi.org" } }
                    }
                    ports { protocol: PROTOCOL_TCP host_port: 8080 guest_port: 80 }
                    ports { protocol: PROTOCOL_UDP host_port: 5353 guest_port: 53 }
                    dns { blocked_domains: "*.tracking.com" }
                  })");
}

TEST(SandboxBuilder, SaysNothingOfTheGuestAndTheNetworkByItself) {
  ExpectBuilds(SandboxBuilder(), "guest { oci {} } network { policy { preset: PRESET_PUBLIC_ONLY } }");
}

TEST(SandboxBuilder, DescribesTheGuest) {
  ExpectBuilds(SandboxBuilder().args({"sleep", "9"}).env("A", "b").working_directory("/tmp").user("7:8")
                   .memory_bytes(1 << 20).label("team", "ci"),
               R"(labels { key: "team" value: "ci" }
                  guest { oci { args: "sleep" args: "9" env { key: "A" value: "b" } working_directory: "/tmp"
                                user: "7:8" memory_bytes: 1048576 } }
                  network { policy { preset: PRESET_PUBLIC_ONLY } })");
}

TEST(SandboxBuilder, TakesWhatHasNoWordFromTheMessage) {
  SandboxBuilder builder;
  builder.proto().mutable_guest()->mutable_netns()->set_path("/run/netns/x");
  ExpectBuilds(builder, R"(guest { netns { path: "/run/netns/x" } } network { policy { preset: PRESET_PUBLIC_ONLY } })");
}

TEST(SandboxBuilder, QuotesTheWordThatIsWrong) {
  const auto problem = [](const SandboxBuilder& builder) {
    const absl::Status status = builder.Build().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message().substr(0, status.message().find("\":") + 2));
  };
  EXPECT_EQ(problem(SandboxBuilder().allow("http://x").deny("10.0.0.0/99")), "\"http://x\":");
  EXPECT_EQ(problem(SandboxBuilder().block("a..b")), "\"a..b\":");
  EXPECT_EQ(SandboxBuilder().block("10.0.0.1").Build().status().message(),
            "\"10.0.0.1\" is an address: deny() refuses it");
}

TEST(Policy, AnAllowMakesItAnAllowListUnlessAPresetIsSaid) {
  EXPECT_EQ(PresetOf(Policy()), v1::PRESET_PUBLIC_ONLY);
  EXPECT_EQ(PresetOf(Policy().deny("10.0.0.1")), v1::PRESET_PUBLIC_ONLY);
  EXPECT_EQ(PresetOf(Policy().deny("10.0.0.1").allow("private")), v1::PRESET_ALLOWLIST);
  EXPECT_EQ(PresetOf(Policy().allow("10.0.0.1").preset(v1::PRESET_PUBLIC_ONLY)), v1::PRESET_PUBLIC_ONLY);
  EXPECT_EQ(PresetOf(Policy().preset(v1::PRESET_NONE)), v1::PRESET_NONE);
}

TEST(Policy, KeepsTheOrderOfItsRules) {
  const absl::StatusOr<v1::NetworkPolicy> policy = Policy().allow("10.0.0.1").deny("private").drop().Build();
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_EQ(policy->rules_size(), 2);
  EXPECT_EQ(policy->rules(0).action(), v1::ACTION_ALLOW);
  EXPECT_EQ(policy->rules(1).action(), v1::ACTION_DENY);
  EXPECT_EQ(policy->deny_response(), v1::DENY_RESPONSE_DROP);
}

}  // namespace
}  // namespace sluice::client
