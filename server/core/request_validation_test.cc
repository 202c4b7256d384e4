#include "server/core/request_validation.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

template <typename Request>
Request Parse(const std::string& text) {
  Request request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
  return request;
}

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, text, " ");
  return all;
}

// A request in text form, and the field that is wrong with it.
struct Wrong {
  std::string request;
  std::string field;
};

template <typename Request, typename Check>
void ExpectRefused(const std::vector<Wrong>& cases, Check check) {
  for (const Wrong& wrong : cases) {
    const absl::Status status = check(Parse<Request>(wrong.request));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << wrong.request;
    EXPECT_EQ(FieldOf(status).value_or("(none)"), wrong.field) << wrong.request.substr(0, 300) << "\n" << status;
  }
}

absl::Status Create(const v1::CreateSandboxRequest& request) { return CheckCreate(request).status(); }

// What is in a sandbox with an OCI guest, or in parts of it.
Wrong InSandbox(const std::string& text, const std::string& field) {
  return {absl::StrCat("sandbox { guest { oci {} } ", text, " }"), absl::StrCat("sandbox.", field)};
}
Wrong InOci(const std::string& text, const std::string& field) {
  return {absl::StrCat("sandbox { guest { oci { ", text, " } } }"), absl::StrCat("sandbox.guest.oci", field)};
}
Wrong InNetns(const std::string& text, const std::string& field) {
  return {absl::StrCat("sandbox { guest { netns { ", text, " } } }"), absl::StrCat("sandbox.guest.netns", field)};
}
Wrong InNetwork(const std::string& text, const std::string& field) {
  return InSandbox(absl::StrCat("network { ", text, " }"), absl::StrCat("network", field));
}
Wrong InPolicy(const std::string& text, const std::string& field) {
  return InNetwork(absl::StrCat("policy { ", text, " }"), absl::StrCat(".policy", field));
}

TEST(RequestValidationTest, RefusesSandboxesThatNobodyCouldMake) {
  ExpectRefused<v1::CreateSandboxRequest>(
      {
          {"", "sandbox"},
          {"sandbox {}", "sandbox.guest"},
          {"sandbox { guest {} }", "sandbox.guest"},
          {absl::StrCat("request_id: '", std::string(129, 'r'), "' sandbox { guest { oci {} } }"), "request_id"},
          {"request_id: 'a\\n' sandbox { guest { oci {} } }", "request_id"},
          InSandbox("id: 'Web'", "id"),
          InSandbox("id: '-web'", "id"),
          InSandbox("id: 'web-'", "id"),
          InSandbox("id: '1web'", "id"),
          InSandbox("id: 'we/b'", "id"),
          InSandbox(absl::StrCat("id: '", std::string(64, 'a'), "'"), "id"),
          InSandbox("labels { key: '' value: 'v' }", "labels"),
          InSandbox("labels { key: '-a' value: 'v' }", "labels"),
          InSandbox("labels { key: 'a' value: 'line\\n' }", "labels"),
      },
      Create);
}

TEST(RequestValidationTest, RefusesGuestsThatCouldNotRun) {
  ExpectRefused<v1::CreateSandboxRequest>(
      {
          InOci("rootfs: 'relative'", ".rootfs"),
          InOci(absl::StrCat("rootfs: '/", std::string(4095, 'a'), "'"), ".rootfs"),
          InOci("rootfs: '/a\\000b'", ".rootfs"),
          InOci("args: ''", ".args[0]"),
          InOci("args: 'a' args: 'b\\000'", ".args[1]"),
          InOci(absl::StrCat("args: '", std::string(131'072, 'a'), "'"), ".args[0]"),
          InOci(Repeat("args: 'a'", 4097), ".args"),
          InOci("env { key: '' value: 'v' }", ".env"),
          InOci("env { key: 'A=B' value: 'v' }", ".env"),
          InOci("env { key: 'A' value: 'v\\000' }", ".env"),
          InOci("working_directory: 'tmp'", ".working_directory"),
          InOci("user: 'root'", ".user"),
          InOci("user: '1:2:3'", ".user"),
          InOci("user: '4294967295'", ".user"),
          InOci("memory_bytes: 1024", ".memory_bytes"),
          InOci("memory_bytes: 9223372036854775808", ".memory_bytes"),
          InOci("cpus: -1", ".cpus"),
          InOci("cpus: nan", ".cpus"),
          InOci("cpus: inf", ".cpus"),
          InOci("max_processes: 4194305", ".max_processes"),
          InNetns("", ""),
          InNetns("path: 'netns/a'", ".path"),
          InNetns("path: ''", ".path"),
          InNetns("pid: 0", ".pid"),
          InNetns("pid: -5", ".pid"),
          InNetns("pid: 1 interface_name: 'lo'", ".interface_name"),
          InNetns("pid: 1 interface_name: 'a/b'", ".interface_name"),
          InNetns("pid: 1 interface_name: 'sixteencharacter'", ".interface_name"),
      },
      Create);
}

TEST(RequestValidationTest, RefusesNetworksThatMakeNoSense) {
  ExpectRefused<v1::CreateSandboxRequest>(
      {
          InPolicy("preset: 99", ".preset"),
          InPolicy("deny_response: 99", ".deny_response"),
          InPolicy("rules {}", ".rules[0].action"),
          InPolicy("rules { action: 99 }", ".rules[0].action"),
          InPolicy("rules { action: ACTION_ALLOW direction: 99 }", ".rules[0].direction"),
          InPolicy("rules { action: ACTION_ALLOW protocols: PROTOCOL_UNSPECIFIED }", ".rules[0].protocols[0]"),
          InPolicy("rules { action: ACTION_ALLOW peers {} }", ".rules[0].peers[0].kind"),
          InPolicy("rules { action: ACTION_ALLOW peers { cidr: '10.0.0.1/8' } }", ".rules[0].peers[0].cidr"),
          InPolicy("rules { action: ACTION_ALLOW peers { group: 99 } }", ".rules[0].peers[0].group"),
          InPolicy("rules { action: ACTION_ALLOW peers { domain: '*' } }", ".rules[0].peers[0].domain"),
          InPolicy("rules { action: ACTION_ALLOW ports { first: 0 } }", ".rules[0].ports[0].first"),
          InPolicy("rules { action: ACTION_ALLOW ports { first: 9 last: 8 } }", ".rules[0].ports[0].last"),
          InPolicy("rules { id: 'A' action: ACTION_ALLOW }", ".rules[0].id"),
          InPolicy("rules { id: 'a' action: ACTION_ALLOW } rules { id: 'a' action: ACTION_DENY }", ".rules[1].id"),
          InNetwork("ports {}", ".ports[0].guest_port"),
          InNetwork("ports { guest_port: 65536 }", ".ports[0].guest_port"),
          InNetwork("ports { guest_port: 1 host_port: 65536 }", ".ports[0].host_port"),
          InNetwork("ports { guest_port: 1 protocol: PROTOCOL_ICMP }", ".ports[0].protocol"),
          InNetwork("ports { guest_port: 1 host_address: 'localhost' }", ".ports[0].host_address"),
          InNetwork("ports { guest_port: 1 host_address: '224.0.0.1' }", ".ports[0].host_address"),
          InNetwork("ports { guest_port: 1 host_port: 80 } ports { guest_port: 2 host_port: 80 }",
                    ".ports[1].host_port"),
          InNetwork(Repeat("ports { guest_port: 1 }", 257), ".ports"),
          InNetwork("policy { preset: PRESET_NONE } ports { guest_port: 1 }", ".ports"),
          InNetwork("dns { nameservers: 'dns.example.com' }", ".dns.nameservers[0]"),
          InNetwork("dns { blocked_domains: 'a' blocked_domains: '..' }", ".dns.blocked_domains[1]"),
          InNetwork("dns { rebinding_exempt_domains: '*' }", ".dns.rebinding_exempt_domains[0]"),
          InNetwork("dns { query_timeout { seconds: 31 } }", ".dns.query_timeout"),
          InNetwork("dns { query_timeout { seconds: -1 } }", ".dns.query_timeout"),
          InNetwork("dns { query_timeout { seconds: 3 nanos: -1000000000 } }", ".dns.query_timeout"),
          InNetwork("dns { query_timeout { nanos: 1000000000 } }", ".dns.query_timeout"),
          InNetwork("interface { ipv4_subnet: '8.8.8.0/24' }", ".interface.ipv4_subnet"),
          InNetwork("interface { ipv4_subnet: '10.0.0.0/28' }", ".interface.ipv4_subnet"),
          InNetwork("interface { ipv4_subnet: 'fd00::/64' }", ".interface.ipv4_subnet"),
          InNetwork("interface { ipv6_subnet: '2001:db8::/64' }", ".interface.ipv6_subnet"),
          InNetwork("interface { ipv6_subnet: 'fd00::/48' }", ".interface.ipv6_subnet"),
          InNetwork("interface { mtu: 100 }", ".interface.mtu"),
          InNetwork("interface { mac: '01:00:00:00:00:01' }", ".interface.mac"),
          InNetwork("interface { mac: 'nonsense' }", ".interface.mac"),
          InNetwork("limits { max_flows: 4294967295 }", ".limits.max_flows"),
          InNetwork("audit { max_bytes: 65535 }", ".audit.max_bytes"),
          InNetwork("audit { max_age { seconds: 59 } }", ".audit.max_age"),
      },
      Create);
}

TEST(RequestValidationTest, CompletesWhatIsLeftOut) {
  const absl::StatusOr<v1::Sandbox> sandbox = CheckCreate(Parse<v1::CreateSandboxRequest>(
      "sandbox { guest { netns { pid: 5 } } network { ports { guest_port: 80 } "
      "policy { rules { action: ACTION_ALLOW ports { first: 443 } } } } }"));
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  const v1::NetworkConfig& network = sandbox->network();
  EXPECT_EQ(network.policy().preset(), v1::PRESET_PUBLIC_ONLY);
  EXPECT_EQ(network.policy().deny_response(), v1::DENY_RESPONSE_REJECT);
  EXPECT_EQ(network.policy().rules(0).direction(), v1::DIRECTION_EGRESS);
  EXPECT_EQ(network.policy().rules(0).ports(0).last(), 443u);
  EXPECT_EQ(network.ports(0).protocol(), v1::PROTOCOL_TCP);
  EXPECT_EQ(network.ports(0).host_address(), "127.0.0.1");
  EXPECT_EQ(network.dns().query_timeout().seconds(), 2);
  EXPECT_EQ(network.interface().ipv4_subnet(), "10.0.2.0/24");
  EXPECT_EQ(network.interface().mtu(), 1500u);
  EXPECT_EQ(sandbox->guest().netns().interface_name(), "eth0");
}

TEST(RequestValidationTest, DropsWhatACallerCannotSay) {
  const absl::StatusOr<v1::Sandbox> sandbox = CheckCreate(Parse<v1::CreateSandboxRequest>(
      "sandbox { id: 'web' uid: 'mine' etag: 'mine' state: STATE_RUNNING state_message: 'm' create_time { seconds: 1 } "
      "network_status { ipv4_address: '1.2.3.4' } guest { oci {} } }"));
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->id(), "web");
  EXPECT_EQ(sandbox->uid(), "");
  EXPECT_EQ(sandbox->etag(), "");
  EXPECT_EQ(sandbox->state(), v1::Sandbox::STATE_UNSPECIFIED);
  EXPECT_FALSE(sandbox->has_network_status());
  EXPECT_FALSE(sandbox->has_create_time());
}

TEST(RequestValidationTest, ChecksTheOtherRequests) {
  ExpectRefused<v1::GetSandboxRequest>({{"", "sandbox_id"}, {"sandbox_id: 'A'", "sandbox_id"}}, CheckGet);
  ExpectRefused<v1::DeleteSandboxRequest>({{"", "sandbox_id"}, {"sandbox_id: '../x'", "sandbox_id"}}, CheckDelete);
  ExpectRefused<v1::ListSandboxesRequest>({{"page_size: -1", "page_size"},
                                           {"page_size: 1001", "page_size"},
                                           {"page_token: 'nonsense'", "page_token"},
                                           {"view: 99", "view"},
                                           {"labels { key: ' ' }", "labels"}},
                                          CheckList);
  ExpectRefused<v1::WatchSandboxesRequest>({{"view: 99", "view"}, {"labels { key: ' ' }", "labels"}}, CheckWatch);
  ExpectRefused<v1::PublishPortRequest>({{"port { guest_port: 1 }", "sandbox_id"},
                                         {"sandbox_id: 'a'", "port.guest_port"},
                                         {"sandbox_id: 'a' port { guest_port: 1 host_address: 'x' }", "port.host_address"},
                                         {"sandbox_id: 'a' port { guest_port: 1 } request_id: '\\001'", "request_id"}},
                                        [](const auto& request) { return CheckPublish(request).status(); });
  ExpectRefused<v1::UnpublishPortRequest>({{"", "sandbox_id"},
                                           {"sandbox_id: 'a'", "port.host_port"},
                                           {"sandbox_id: 'a' port { host_port: 1 protocol: 9 }", "port.protocol"}},
                                          [](const auto& request) { return CheckUnpublish(request).status(); });
  ExpectRefused<v1::SetNetworkPolicyRequest>({{"policy { preset: PRESET_ALLOW_ALL }", "sandbox_id"},
                                              {"sandbox_id: 'a'", "policy.preset"},
                                              {"sandbox_id: 'a' policy { preset: PRESET_ALLOW_ALL rules {} }",
                                               "policy.rules[0].action"}},
                                             [](const auto& request) { return CheckSetPolicy(request).status(); });
}

}  // namespace
}  // namespace sluice
