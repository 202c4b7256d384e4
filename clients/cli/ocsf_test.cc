#include "clients/cli/ocsf.h"

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace sluice::cli {
namespace {

using nlohmann::json;

// What the schema, version 1.3.0, requires: schema.ocsf.io/1.3.0/classes/... and
// .../objects/...; the enumerations are those that are used.
const std::vector<std::string> kRequiredOfAll = {"activity_id", "category_uid", "class_uid", "metadata",
                                                 "severity_id", "time",         "type_uid"};
const std::vector<std::string> kRequiredOfNetwork = {"dst_endpoint"};
const std::vector<std::string> kRequiredOfMetadata = {"product", "version"};
const std::set<int> kSeverities = {0, 1, 2, 3, 4, 5, 6, 99};
const std::set<int> kNetworkActivities = {0, 1, 2, 3, 4, 5, 6, 99};
const std::set<int> kDnsActivities = {0, 1, 2, 6, 99};
// At least one of these names an endpoint.
const std::vector<std::string> kEndpointNames = {"ip",           "uid",           "name",           "hostname", "svc_name",
                                                 "instance_uid", "interface_uid", "interface_name", "domain"};

void ExpectHas(const json& object, const std::vector<std::string>& required, const std::string& what) {
  for (const std::string& name : required) EXPECT_TRUE(object.contains(name)) << what << " lacks " << name;
}

void ExpectEndpoint(const json& endpoint) {
  bool named = false;
  for (const std::string& name : kEndpointNames) named |= endpoint.contains(name);
  EXPECT_TRUE(named) << endpoint;
}

// The schema's own rules for what a consumer relies on.
void ExpectValid(const json& event) {
  ExpectHas(event, kRequiredOfAll, "the event");
  ExpectHas(event["metadata"], kRequiredOfMetadata, "metadata");
  EXPECT_TRUE(event["metadata"]["product"].contains("vendor_name"));
  EXPECT_EQ(event["metadata"]["version"], kOcsfVersion);
  const int uid = event["class_uid"];
  EXPECT_EQ(event["type_uid"], uid * 100 + event["activity_id"].get<int>());
  EXPECT_EQ(event["category_uid"], uid / 1000);
  EXPECT_TRUE(kSeverities.contains(event["severity_id"]));
  EXPECT_TRUE(event["time"].is_number_integer());
  EXPECT_GT(event["time"], 1'000'000'000'000) << "milliseconds";
  if (uid == 0) return;
  ExpectHas(event, kRequiredOfNetwork, "the event");
  EXPECT_TRUE((uid == 4001 ? kNetworkActivities : kDnsActivities).contains(event["activity_id"]));
  ExpectEndpoint(event["src_endpoint"]);
  ExpectEndpoint(event["dst_endpoint"]);
  EXPECT_TRUE(event["connection_info"].contains("direction_id"));
  // The profile security_control.
  EXPECT_THAT(event["metadata"]["profiles"], testing::Contains("security_control"));
  EXPECT_TRUE(event["action_id"] == 1 || event["action_id"] == 2);
  EXPECT_EQ(event["disposition_id"], event["action_id"]) << "Allowed or Blocked";
  EXPECT_TRUE(event["firewall_rule"].contains("uid"));
  if (uid == 4003) {
    EXPECT_TRUE(event["query"].contains("hostname"));
  }
  for (const json& answer : event.value("answers", json::array())) EXPECT_TRUE(answer.contains("rdata"));
}

json Object(const std::string& text) {
  v1::AuditEvent event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  event.set_sandbox_id("web");
  event.set_sandbox_uid("u1");
  event.set_sequence(7);
  event.set_policy_generation(3);
  event.mutable_time()->set_seconds(1'900'000'000);
  event.mutable_time()->set_nanos(250'000'000);
  const std::string line = OcsfLine(event);
  EXPECT_EQ(line.find('\n'), line.npos);
  const json object = json::parse(line);
  ExpectValid(object);
  return object;
}

// Of a flow to 93.184.216.34:443, with `more` about it.
json Flow(const std::string& more) {
  return Object(R"(flow { flow_id: 12 direction: DIRECTION_EGRESS protocol: PROTOCOL_TCP count: 1
                          guest { address: "10.0.2.15" port: 4242 }
                          remote { address: "93.184.216.34" port: 443 } )" + more + "}");
}

constexpr char kAllowed[] = R"(verdict { action: ACTION_ALLOW rule_id: "web" reason: REASON_RULE } )";
constexpr char kDenied[] = R"(verdict { action: ACTION_DENY rule_id: "default" reason: REASON_DEFAULT } )";

TEST(OcsfTest, AFlowOpensBetweenTheSandboxAndItsRemote) {
  const json event = Flow(std::string(kAllowed) + R"(phase: PHASE_OPENED domains: "a.test" domains: "b.test")");
  EXPECT_EQ(event["type_uid"], 400101);
  EXPECT_EQ(event["time"], 1'900'000'000'250);
  EXPECT_EQ(event["severity_id"], 1);
  EXPECT_EQ(event["src_endpoint"], json::parse(R"({"ip": "10.0.2.15", "port": 4242, "uid": "u1", "name": "web"})"));
  EXPECT_EQ(event["dst_endpoint"], json::parse(R"({"ip": "93.184.216.34", "port": 443, "hostname": "a.test"})"));
  EXPECT_EQ(event["unmapped"]["domains"], json::parse(R"(["a.test", "b.test"])"));
  EXPECT_EQ(event["connection_info"]["direction_id"], 2);
  EXPECT_EQ(event["connection_info"]["protocol_num"], 6);
  EXPECT_EQ(event["connection_info"]["uid"], "u1-flow-12");
  EXPECT_EQ(event["action_id"], 1);
  EXPECT_EQ(event["firewall_rule"]["uid"], "web");
  EXPECT_EQ(event["policy"]["version"], "3");
  EXPECT_EQ(event["metadata"]["uid"], "u1-7");
  EXPECT_EQ(event["metadata"]["sequence"], 7);
  EXPECT_FALSE(event.contains("traffic"));
}

TEST(OcsfTest, ItsEndTellsWhatWasCarried) {
  const std::string carried = "bytes_to_remote: 100 bytes_to_guest: 2000 duration { seconds: 2 } ";
  const std::string totals = carried + "phase: PHASE_CLOSED ";
  const json closed = Flow(kAllowed + totals + "end_cause: END_CAUSE_FINISHED server_name: 'c.test' domains: 'a.test'");
  EXPECT_EQ(closed["type_uid"], 400102);
  EXPECT_EQ(closed["traffic"], json::parse(R"({"bytes": 2100, "bytes_out": 100, "bytes_in": 2000})"));
  EXPECT_EQ(closed["duration"], 2000);
  EXPECT_EQ(closed["start_time"], closed["time"].get<int64_t>() - 2000);
  EXPECT_EQ(closed["dst_endpoint"]["hostname"], "c.test");
  EXPECT_EQ(Flow(kAllowed + totals + "end_cause: END_CAUSE_RESET_BY_REMOTE")["type_uid"], 400103);
  EXPECT_EQ(Flow(kDenied + totals + "end_cause: END_CAUSE_ENDED")["type_uid"], 400103);
  EXPECT_EQ(Flow(kAllowed + carried + "phase: PHASE_PROGRESS")["type_uid"], 400106);
}

TEST(OcsfTest, ADenialIsBlockedAndSaysWhy) {
  const json event = Flow(std::string(kDenied) + "phase: PHASE_DENIED");
  EXPECT_EQ(event["type_uid"], 400105);
  EXPECT_EQ(event["severity_id"], 2);
  EXPECT_EQ(event["action_id"], 2);
  EXPECT_EQ(event["disposition_id"], 2);
  EXPECT_EQ(event["status_id"], 2);
  EXPECT_EQ(event["status_code"], "default");
  EXPECT_EQ(event["count"], 1);
}

TEST(OcsfTest, AFlowThatComesInHasItsRemoteAsTheSource) {
  const json event = Object(R"(flow { phase: PHASE_CLOSED direction: DIRECTION_INGRESS protocol: PROTOCOL_UDP count: 1
      guest { address: "fd73::f" port: 80 } remote { address: "2001:4860::1" port: 999 } duration { seconds: 1 }
      bytes_to_remote: 5 bytes_to_guest: 9 verdict { action: ACTION_ALLOW rule_id: "preset" reason: REASON_PRESET } })");
  EXPECT_EQ(event["src_endpoint"]["ip"], "2001:4860::1");
  EXPECT_EQ(event["dst_endpoint"]["name"], "web");
  EXPECT_EQ(event["connection_info"]["direction_id"], 1);
  EXPECT_EQ(event["connection_info"]["protocol_ver_id"], 6);
  EXPECT_EQ(event["traffic"]["bytes_out"], 9) << "from the source";
}

TEST(OcsfTest, AQueryTellsItsAnswer) {
  const json event = Object(R"(dns { name: "a.test" type: "A" transport: PROTOCOL_UDP response_code: "NOERROR"
      resolver { address: "10.0.2.3" port: 53 } addresses: "93.184.216.34" addresses: "2606:2800::1"
      latency { nanos: 40000000 } ttl { seconds: 300 }
      verdict { action: ACTION_ALLOW rule_id: "web" reason: REASON_RULE } })");
  EXPECT_EQ(event["type_uid"], 400306);
  EXPECT_EQ(event["query"]["hostname"], "a.test");
  EXPECT_EQ(event["rcode_id"], 0);
  ASSERT_EQ(event["answers"].size(), 2u);
  EXPECT_EQ(event["answers"][0], json::parse(R"({"rdata": "93.184.216.34", "type": "A", "class": "IN", "ttl": 300})"));
  EXPECT_EQ(event["answers"][1]["type"], "AAAA");
  EXPECT_EQ(event["query_time"].get<int64_t>() + 40, event["response_time"].get<int64_t>());
  EXPECT_EQ(event["dst_endpoint"]["ip"], "10.0.2.3");
}

TEST(OcsfTest, EveryResponseCodeHasItsNumberAndCaption) {
  const struct {
    const char* code;
    int id;
    const char* caption;
  } codes[] = {{"NOERROR", 0, "NoError"}, {"FORMERR", 1, "FormError"}, {"SERVFAIL", 2, "ServError"}, {"NXDOMAIN", 3, "NXDomain"},
               {"NOTIMP", 4, "NotImp"},   {"REFUSED", 5, "Refused"},   {"BADVERS", 99, "BADVERS"}};
  for (const auto& [code, id, caption] : codes) {
    const json event = Object(std::string("dns { name: 'a.test' type: 'A' resolver { address: '10.0.2.3' port: 53 } ") +
                              "response_code: '" + code + "' " + kDenied + "}");
    EXPECT_EQ(event["rcode_id"], id) << code;
    EXPECT_EQ(event["rcode"], caption);
    EXPECT_EQ(event["action_id"], 2);
  }
}

TEST(OcsfTest, ProtocolsHaveTheNamesAndNumbersOfIana) {
  const struct {
    const char* protocol;
    const char* guest;
    int number;
    const char* name;
  } protocols[] = {{"PROTOCOL_TCP", "10.0.2.15", 6, "tcp"},
                   {"PROTOCOL_UDP", "fd73::f", 17, "udp"},
                   {"PROTOCOL_ICMP", "10.0.2.15", 1, "icmp"},
                   {"PROTOCOL_ICMP", "fd73::f", 58, "ipv6-icmp"}};
  for (const auto& [protocol, guest, number, name] : protocols) {
    const json event = Object(std::string("flow { phase: PHASE_OPENED count: 1 remote { address: '::1' } guest { address: '") +
                              guest + "' } protocol: " + protocol + " " + kAllowed + "}");
    EXPECT_EQ(event["connection_info"]["protocol_num"], number);
    EXPECT_EQ(event["connection_info"]["protocol_name"], name);
  }
}

TEST(OcsfTest, NothingIsLeftOut) {
  const json policy = Object("policy { flows_closed: 2 policy { preset: PRESET_NONE } }");
  EXPECT_EQ(policy["class_uid"], 0);
  EXPECT_EQ(policy["activity_name"], "policy");
  EXPECT_EQ(policy["unmapped"]["policy"]["flows_closed"], "2");
  EXPECT_EQ(Object("lifecycle { message: 'x' }")["activity_name"], "lifecycle");
  EXPECT_EQ(Object("port { published: true }")["activity_name"], "port");
  v1::LostEvents lost;
  lost.set_sandbox_id("web");
  lost.set_first_sequence(3);
  lost.set_last_sequence(9);
  const json gone = json::parse(OcsfLine(lost, absl::FromUnixSeconds(1'900'000'000)));
  ExpectValid(gone);
  EXPECT_EQ(gone["message"], "events 3 to 9 are gone");
}

}  // namespace
}  // namespace sluice::cli
