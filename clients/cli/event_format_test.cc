#include "clients/cli/event_format.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace sluice::cli {
namespace {

// An event of sandbox "web" at a fixed time, with `fields` of proto JSON.
v1::AuditEvent Event(const std::string& fields) {
  v1::AuditEvent event;
  const auto status = google::protobuf::util::JsonStringToMessage(
      absl::StrCat(R"({"sandboxId":"web","time":"2030-01-31T15:04:05.678Z",)", fields, "}"), &event);
  EXPECT_TRUE(status.ok()) << status;
  return event;
}

constexpr char kFlow[] =
    R"("direction":"DIRECTION_EGRESS","protocol":"PROTOCOL_TCP","guest":{"address":"10.0.2.15","port":4242},)"
    R"("remote":{"address":"93.184.216.34","port":443},)";

struct Golden {
  std::string fields;
  std::string line;  // after the time and the sandbox
};

class EventLine : public testing::TestWithParam<Golden> {};

TEST_P(EventLine, IsGolden) {
  EventFormatter formatter({});
  EXPECT_EQ(formatter.Line(Event(GetParam().fields)),
            absl::StrCat("01-31 15:04:05.678  web           ", GetParam().line, "\n"));
}

INSTANTIATE_TEST_SUITE_P(
    All, EventLine,
    testing::Values(
        Golden{absl::StrCat(
                   R"("flow":{"phase":"PHASE_OPENED",)", kFlow,
                   R"("domains":["web.example.com","cdn.example.com"],)",
                   R"("verdict":{"action":"ACTION_ALLOW","ruleId":"preset","reason":"REASON_PRESET"}})"),
               "allow  tcp 10.0.2.15:4242 -> 93.184.216.34:443 web.example.com +1  preset          opened"},
        Golden{absl::StrCat(R"("flow":{"phase":"PHASE_CLOSED",)", kFlow, R"("serverName":"web.example.com",)",
                            R"("bytesToRemote":"517","bytesToGuest":"14321","duration":"0.250s",)",
                            R"("endCause":"END_CAUSE_FINISHED",)",
                            R"("verdict":{"action":"ACTION_ALLOW","ruleId":"pypi","reason":"REASON_RULE"}})"),
               "allow  tcp 10.0.2.15:4242 -> 93.184.216.34:443 web.example.com   pypi            "
               "closed, 517 B out, 14 KB in, 250 ms"},
        Golden{absl::StrCat(
                   R"("flow":{"phase":"PHASE_CLOSED",)", kFlow, R"("endCause":"END_CAUSE_ENDED",)",
                   R"("verdict":{"action":"ACTION_DENY","ruleId":"r1","reason":"REASON_POLICY_CHANGED"}})"),
               "DENY   tcp 10.0.2.15:4242 -> 93.184.216.34:443                   policy_changed r1  "
               "ended by sluice, 0 B out, 0 B in, 0.0 ms"},
        Golden{
            R"("flow":{"phase":"PHASE_DENIED","protocol":"PROTOCOL_ICMP","guest":{"address":"10.0.2.15","port":7},)"
            R"("remote":{"address":"10.1.2.3","port":7},"count":"12",)"
            R"("verdict":{"action":"ACTION_DENY","ruleId":"default","reason":"REASON_DEFAULT"}})",
            "DENY   icmp 10.0.2.15 -> 10.1.2.3                                default         12 times"},
        Golden{R"("flow":{"phase":"PHASE_DENIED","direction":"DIRECTION_INGRESS","protocol":"PROTOCOL_UDP",)"
               R"("guest":{"address":"fd00::2","port":53},"remote":{"address":"2001:db8::1","port":999},)"
               R"("verdict":{"action":"ACTION_DENY","ruleId":"rule-0","reason":"REASON_RULE"}})",
               "DENY   udp [fd00::2]:53 <- [2001:db8::1]:999                     rule-0"},
        Golden{R"("dns":{"name":"web.example.com","type":"A","responseCode":"NOERROR",)"
               R"("addresses":["93.184.216.34","93.184.216.35"],"latency":"0.0032s",)"
               R"("verdict":{"action":"ACTION_ALLOW","ruleId":"preset","reason":"REASON_PRESET"}})",
               "allow  dns A web.example.com -> 93.184.216.34, 93.184.216.35     preset          3.2 ms"},
        Golden{R"("dns":{"name":"rebind.test","type":"A","responseCode":"NXDOMAIN",)"
               R"("verdict":{"action":"ACTION_DENY","reason":"REASON_DNS_REBINDING"}})",
               "DENY   dns A rebind.test -> NXDOMAIN                             dns_rebinding"},
        Golden{R"("dns":{"name":"v4.test","type":"AAAA","responseCode":"NOERROR","fromCache":true,)"
               R"("verdict":{"action":"ACTION_ALLOW","ruleId":"preset","reason":"REASON_PRESET"}})",
               "allow  dns AAAA v4.test -> no address                            preset          cached"},
        Golden{R"("port":{"published":true,"port":{"hostPort":8080,"guestPort":80}})",
               "       port 127.0.0.1:8080->80/tcp                                               published"},
        Golden{R"("policyGeneration":"2","policy":{"policy":{"preset":"PRESET_ALLOWLIST","rules":[{}]},)"
               R"("flowsClosed":"3"})",
               "       policy allowlist, generation 2                                            "
               "1 rule, 3 flows ended"},
        Golden{
            R"("lifecycle":{"state":"STATE_STOPPED","message":"exit code 1"})",
            "       sandbox stopped                                                           exit code 1"}));

TEST(EventFormatter, KeepsAColumnThatHadToWiden) {
  EventFormatter formatter({});
  v1::AuditEvent event = Event(R"("lifecycle":{"state":"STATE_RUNNING"})");
  event.set_sandbox_id("a-sandbox-with-a-long-name");
  formatter.Line(event);
  event.set_sandbox_id("web");
  EXPECT_EQ(formatter.Line(event),
            "01-31 15:04:05.678  web                                sandbox running\n");
}

TEST(EventFormatter, DisarmsWhatTheGuestMadeUp) {
  EventFormatter formatter({});
  const std::string line =
      formatter.Line(Event(R"("dns":{"name":"\u001b[2J\n.test","type":"A","responseCode":"NXDOMAIN"})"));
  EXPECT_NE(line.find("dns A \\x1b[2J\\x0a.test -> NXDOMAIN"), line.npos) << line;
}

TEST(EventFormatter, ColoursVerdictsOnlyWhenAsked) {
  const v1::AuditEvent event = Event(R"("dns":{"name":"a.test","verdict":{"action":"ACTION_DENY"}})");
  EXPECT_NE(EventFormatter({.color = true}).Line(event).find("\x1b[31mDENY \x1b[0m"), std::string::npos);
  EXPECT_EQ(EventFormatter({}).Line(event).find('\x1b'), std::string::npos);
}

TEST(EventFormatter, SaysWhatRetentionRemoved) {
  v1::LostEvents lost;
  lost.set_sandbox_id("web");
  lost.set_first_sequence(5);
  lost.set_last_sequence(9);
  EXPECT_EQ(EventFormatter({}).Lost(lost),
            "-- web: events 5 to 9 are gone: retention removed them before they were read --\n");
}

}  // namespace
}  // namespace sluice::cli
