// What the audit stream tells of a sandbox.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

using google::protobuf::util::TimeUtil;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kEcho[] = "198.35.26.96";

// "opened 198.35.26.96:7": what an event is about, in a few words.
std::string Words(const v1::AuditEvent& event) {
  switch (event.event_case()) {
    case v1::AuditEvent::kFlow:
      return absl::StrCat(v1::FlowEvent::Phase_Name(event.flow().phase()).substr(sizeof("PHASE_") - 1), " ",
                          event.flow().remote().address(), ":", event.flow().remote().port());
    case v1::AuditEvent::kDns:
      return absl::StrCat("DNS ", event.dns().name(), " ", event.dns().response_code());
    case v1::AuditEvent::kPort:
      return absl::StrCat(event.port().published() ? "PUBLISHED " : "UNPUBLISHED ", event.port().port().guest_port());
    case v1::AuditEvent::kPolicy:
      return absl::StrCat("POLICY ", event.policy_generation());
    case v1::AuditEvent::kLifecycle:
      return v1::Sandbox::State_Name(event.lifecycle().state());
    case v1::AuditEvent::EVENT_NOT_SET:
      break;
  }
  return "nothing";
}

std::vector<std::string> Words(const std::vector<v1::AuditEvent>& events) {
  std::vector<std::string> words;
  for (const v1::AuditEvent& event : events) words.push_back(Words(event));
  return words;
}

class AuditTest : public E2eTest {
 protected:
  // A sandbox that did a little of everything. Its last event is the denial.
  std::string CreateBusy(absl::string_view sandbox = "") {
    const std::string id = Create(absl::StrCat("guest { oci {} } ", sandbox));
    EXPECT_EQ(Run(id, TcpConnect(kEcho, 7)).out, "ping\n");
    AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kEcho, 7));
    EXPECT_EQ(Run(id, Dig("1.1.1.1", "v4only.example.com")).code, 0);
    EXPECT_EQ(Run(id, TcpConnect("10.1.2.3", 80)).out, "ECONNREFUSED\n");
    AwaitEvent(id, Denied("10.1.2.3", 80, v1::Verdict::REASON_DEFAULT));
    return id;
  }

  static std::vector<std::string> Matching(const std::string& id, absl::string_view filter) {
    auto request = Proto<v1::StreamAuditEventsRequest>(filter);
    request.add_sandbox_ids(id);
    const absl::StatusOr<std::vector<v1::AuditEvent>> events = client().Events(request);
    EXPECT_TRUE(events.ok()) << events.status();
    return events.ok() ? Words(*events) : std::vector<std::string>{};
  }
};

TEST_F(AuditTest, TellsTheWholeStoryInOrder) {
  const std::string id = CreateBusy();
  const v1::PortMapping port = Publish(id, "guest_port: 80");
  ASSERT_TRUE(client().Unpublish(id, port).ok());
  SetPolicy(id, "preset: PRESET_ALLOW_ALL");
  ASSERT_TRUE(client().Delete(id).ok());

  // A deleted sandbox's log is kept for a while.
  const std::vector<v1::AuditEvent> events = Events(id);
  EXPECT_THAT(Words(events), ElementsAre("POLICY 1", "STATE_RUNNING", "OPENED 198.35.26.96:7", "CLOSED 198.35.26.96:7",
                                         "DNS v4only.example.com NOERROR", "DENIED 10.1.2.3:80", "PUBLISHED 80",
                                         "UNPUBLISHED 80", "POLICY 2", "STATE_DELETING"));
  int64_t last = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), i + 1) << "dense, from 1";
    EXPECT_EQ(events[i].sandbox_id(), id);
    EXPECT_EQ(events[i].sandbox_uid(), events[0].sandbox_uid());
    EXPECT_GE(TimeUtil::TimestampToNanoseconds(events[i].time()), last);
    last = TimeUtil::TimestampToNanoseconds(events[i].time());
  }
}

TEST_F(AuditTest, CountsTheBytesOfAFlowExactly) {
  const std::string id = CreateBusy();
  const v1::FlowEvent opened = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_OPENED, kEcho, 7)).flow();
  const v1::FlowEvent closed = AwaitEvent(id, InPhase(v1::FlowEvent::PHASE_CLOSED, kEcho, 7)).flow();
  EXPECT_EQ(opened.flow_id(), closed.flow_id());
  EXPECT_EQ(opened.direction(), v1::DIRECTION_EGRESS);
  EXPECT_EQ(opened.protocol(), v1::PROTOCOL_TCP);
  EXPECT_EQ(opened.guest().address(), "10.0.2.15");
  EXPECT_EQ(opened.verdict().action(), v1::ACTION_ALLOW);
  EXPECT_EQ(opened.verdict().rule_id(), "preset");
  EXPECT_EQ(closed.bytes_to_remote(), 4u) << "ping";
  EXPECT_EQ(closed.bytes_to_guest(), 4u);
  EXPECT_GT(TimeUtil::DurationToNanoseconds(closed.duration()), 0);
}

TEST_F(AuditTest, GoesOnFromACursor) {
  const std::string id = CreateBusy();
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  const std::vector<v1::AuditEvent> all = Events(id);
  std::string cursor;
  {
    grpc::ClientContext context;
    SetTimeout(kCallTimeout, context);
    const auto stream = client().audit().StreamAuditEvents(&context, request);
    v1::StreamAuditEventsResponse response;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.event().sequence(), 3u);
    cursor = response.cursor();
    context.TryCancel();
  }
  request.set_cursor(cursor);
  const absl::StatusOr<std::vector<v1::AuditEvent>> rest = client().Events(request);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(Words(*rest), Words({all.begin() + 3, all.end()}));
  for (const char* bad : {"x", "1.", "2.CgjuMJEJOYsjehIBAqcH4xw"}) {
    request.set_cursor(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(client().Events(request).status())) << bad;
  }
}

TEST_F(AuditTest, FollowsWhatHappens) {
  const std::string id = CreateOci("");
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  request.set_follow(true);
  *request.mutable_filter() = Proto<v1::AuditFilter>("kinds: KIND_FLOW action: ACTION_DENY");
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const auto stream = client().audit().StreamAuditEvents(&context, request);
  v1::StreamAuditEventsResponse response;
  for (const char* address : {"10.1.2.3", "192.168.77.1"}) {
    EXPECT_EQ(Run(id, TcpConnect(address, 80)).out, "ECONNREFUSED\n");
    do {
      ASSERT_TRUE(stream->Read(&response));
    } while (!response.has_event());
    EXPECT_EQ(Words(response.event()), absl::StrCat("DENIED ", address, ":80"));
    EXPECT_FALSE(response.cursor().empty());
  }
  context.TryCancel();
}

TEST_F(AuditTest, FiltersByWhatAnEventIs) {
  const std::string id = CreateBusy();
  EXPECT_THAT(Matching(id, "filter { kinds: KIND_DNS }"), ElementsAre("DNS v4only.example.com NOERROR"));
  EXPECT_THAT(Matching(id, "filter { kinds: KIND_LIFECYCLE kinds: KIND_POLICY }"),
              ElementsAre("POLICY 1", "STATE_RUNNING"));
  EXPECT_THAT(Matching(id, "filter { action: ACTION_DENY }"), ElementsAre("DENIED 10.1.2.3:80"));
  EXPECT_THAT(Matching(id, "filter { kinds: KIND_FLOW action: ACTION_ALLOW }"),
              ElementsAre("OPENED 198.35.26.96:7", "CLOSED 198.35.26.96:7"));
  EXPECT_THAT(Matching(id, "filter { kinds: KIND_FLOW protocols: PROTOCOL_UDP }"), IsEmpty());
  EXPECT_THAT(Matching(id, "filter { remote_cidrs: '10.0.0.0/8' }"), ElementsAre("DENIED 10.1.2.3:80"));
  EXPECT_THAT(Matching(id, "filter { domains: '*.example.com' kinds: KIND_DNS }"),
              ElementsAre("DNS v4only.example.com NOERROR"));
  EXPECT_THAT(Matching(id, "filter { domains: 'other.test' }"), IsEmpty());
}

TEST_F(AuditTest, ShowsASpanOfTime) {
  const std::string id = CreateBusy();
  const std::vector<v1::AuditEvent> all = Events(id);
  v1::StreamAuditEventsRequest request;
  request.add_sandbox_ids(id);
  *request.mutable_since() = all[2].time();
  absl::StatusOr<std::vector<v1::AuditEvent>> some = client().Events(request);
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(Words(*some), Words({all.begin() + 2, all.end()}));
  *request.mutable_until() = all[4].time();
  some = client().Events(request);
  ASSERT_TRUE(some.ok()) << some.status();
  ASSERT_GE(some->size(), 2u);
  EXPECT_EQ(some->front().sequence(), 3u);
  EXPECT_LE(some->back().sequence(), 5u);
}

TEST_F(AuditTest, SelectsSandboxesByLabelAndById) {
  const std::string red = Create("labels { key: 'audit-test' value: 'red' } guest { oci {} }");
  const std::string blue = Create("labels { key: 'audit-test' value: 'blue' } guest { oci {} }");
  const auto ids = [](const v1::StreamAuditEventsRequest& request) {
    std::vector<std::string> ids;
    const absl::StatusOr<std::vector<v1::AuditEvent>> events = client().Events(request);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const v1::AuditEvent& event : *events) ids.push_back(event.sandbox_id());
    return ids;
  };
  EXPECT_THAT(ids(Proto<v1::StreamAuditEventsRequest>("labels { key: 'audit-test' value: 'red' }")), Each(red));
  const std::vector<std::string> both =
      ids(Proto<v1::StreamAuditEventsRequest>(absl::StrCat("sandbox_ids: '", red, "' sandbox_ids: '", blue, "'")));
  EXPECT_THAT(both, testing::Contains(red));
  EXPECT_THAT(both, testing::Contains(blue));
  EXPECT_TRUE(absl::IsNotFound(
      client().Events(Proto<v1::StreamAuditEventsRequest>("sandbox_ids: 'nobody-ever'")).status()));
}

}  // namespace
}  // namespace sluice::e2e
