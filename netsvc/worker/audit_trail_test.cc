#include "netsvc/worker/audit_trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "netsvc/audit/segment.h"
#include "netsvc/audit/test_log.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr policy::Verdict kDefaultDenial{.action = v1::ACTION_DENY,
                                         .reason = v1::Verdict::REASON_DEFAULT,
                                         .rule_id = policy::kDefaultRuleId};
constexpr policy::Verdict kUnavailable{.action = v1::ACTION_DENY,
                                       .reason = v1::Verdict::REASON_AUDIT_UNAVAILABLE,
                                       .rule_id = policy::kDefaultRuleId};

std::string PhaseName(const v1::FlowEvent& flow) {
  std::string name = v1::FlowEvent::Phase_Name(flow.phase());
  return absl::StrCat(name.substr(std::string("PHASE_").size()), " ", flow.remote().port());
}

// "3 OPENED 443", "4 DENIED 80 x2 DEFAULT", "5 dns a.test AUDIT_UNAVAILABLE", "6 lifecycle".
std::string ToText(const v1::AuditEvent& event) {
  const std::string number = absl::StrCat(event.sequence(), " ");
  if (event.has_lifecycle()) return number + "lifecycle";
  if (event.has_dns()) {
    return absl::StrCat(number, "dns ", event.dns().name(), " ",
                        v1::Verdict::Reason_Name(event.dns().verdict().reason()).substr(7));
  }
  if (event.has_port()) return number + "port";
  if (event.flow().phase() != v1::FlowEvent::PHASE_DENIED) return number + PhaseName(event.flow());
  return absl::StrCat(number, PhaseName(event.flow()), " x", event.flow().count(), " ",
                      v1::Verdict::Reason_Name(event.flow().verdict().reason()).substr(7));
}

class AuditTrailTest : public testing::Test {
 protected:
  AuditTrailTest() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    flow_.id = 1;
    flow_.guest_side = flow_.host_side = Key(443);
    Open(AuditTrail::OnFailure::kDeny);
  }
  ~AuditTrailTest() override { setrlimit(RLIMIT_FSIZE, &before_); }

  void Open(AuditTrail::OnFailure on_failure, absl::Duration max_age = absl::InfiniteDuration()) {
    trail_.reset();
    auto log = audit::LogWriter::Open(*audit::OpenLogDirectory(log_.path()),
                                      {.sandbox_id = "box", .sandbox_uid = "uid-box", .retention = {.max_age = max_age}},
                                      loop_.clock());
    ASSERT_TRUE(log.ok());
    trail_ = std::make_unique<AuditTrail>(loop_, *std::move(log), on_failure);
  }

  static flow::FlowKey Key(uint16_t port, uint16_t guest_port = 40000) {
    flow::FlowKey key{v1::PROTOCOL_TCP, *Endpoint::Parse("10.0.2.15:1"), *Endpoint::Parse("93.184.216.34:1")};
    key.guest.port = guest_port;
    key.remote.port = port;
    return key;
  }

  void FillDisk() { AllowFileBytes(0); }
  void MakeSpace() { AllowFileBytes(RLIM_INFINITY); }
  void AllowFileBytes(rlim_t bytes) {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  std::vector<v1::AuditEvent> Events() const {
    std::vector<v1::AuditEvent> events;
    audit::LogReader reader = log_.Reader({.next_sequence = 1});
    while (true) {
      absl::StatusOr<audit::LogItem> item = reader.Next();
      EXPECT_TRUE(item.ok());
      if (std::holds_alternative<audit::EndForNow>(*item)) return events;
      EXPECT_TRUE(std::holds_alternative<v1::AuditEvent>(*item));  // never lost
      events.push_back(std::get<v1::AuditEvent>(*item));
    }
  }
  std::vector<std::string> Log() const {
    std::vector<std::string> texts;
    for (const v1::AuditEvent& event : Events()) texts.push_back(ToText(event));
    return texts;
  }
  internal::v1::StatsResult Stats() const {
    internal::v1::StatsResult stats;
    trail_->FillStats(stats);
    return stats;
  }

  rlimit before_;
  audit::TestLog log_;
  FakeLoop loop_;
  flow::Flow flow_;
  std::unique_ptr<AuditTrail> trail_;
};

TEST_F(AuditTrailTest, OpenedIsInTheLogBeforeTheCallReturns) {
  EXPECT_TRUE(trail_->FlowOpened(flow_));
  EXPECT_THAT(Log(), ElementsAre("1 OPENED 443"));
}

TEST_F(AuditTrailTest, SameDenialsOfASecondFold) {
  for (uint16_t port = 1; port <= 5; ++port) trail_->FlowDenied(v1::DIRECTION_EGRESS, Key(80, port), kDefaultDenial);
  trail_->FlowDenied(v1::DIRECTION_EGRESS, Key(81), kDefaultDenial);
  EXPECT_THAT(Log(), ElementsAre("1 DENIED 80 x1 DEFAULT", "2 DENIED 81 x1 DEFAULT"));
  loop_.Advance(AuditTrail::kFoldTime);
  EXPECT_THAT(Log(), ElementsAre("1 DENIED 80 x1 DEFAULT", "2 DENIED 81 x1 DEFAULT", "3 DENIED 80 x4 DEFAULT"));
}

TEST_F(AuditTrailTest, ProgressTellsBytesAndDurationSoFar) {
  flow_.opened = loop_.clock().Monotonic();
  trail_->FlowOpened(flow_);
  loop_.Advance(absl::Minutes(1));
  flow_.bytes_to_remote = 7;
  flow_.bytes_to_guest = 9;
  trail_->FlowProgress(flow_);
  loop_.RunUntilIdle();
  const std::vector<v1::AuditEvent> events = Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].flow().phase(), v1::FlowEvent::PHASE_PROGRESS);
  EXPECT_EQ(events[1].flow().flow_id(), 1u);
  EXPECT_EQ(events[1].flow().bytes_to_remote(), 7u);
  EXPECT_EQ(events[1].flow().bytes_to_guest(), 9u);
  EXPECT_EQ(events[1].flow().duration().seconds(), 60);
}

TEST_F(AuditTrailTest, FullDiskRefusesAndLeavesNoGap) {
  trail_->FlowOpened(flow_);
  FillDisk();
  EXPECT_TRUE(trail_->available());  // not known yet
  EXPECT_FALSE(trail_->FlowOpened(flow_));
  EXPECT_FALSE(trail_->available());
  trail_->FlowClosed(flow_, v1::FlowEvent::END_CAUSE_ENDED, &kUnavailable);
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_FALSE(trail_->FlowOpened(flow_));
    trail_->FlowDenied(v1::DIRECTION_EGRESS, Key(443, port), kUnavailable);
  }
  v1::DnsEvent dns;
  dns.set_name("a.test");
  dns.mutable_verdict()->set_action(v1::ACTION_ALLOW);
  trail_->Dns(dns);
  EXPECT_FALSE(trail_->Commit());
  EXPECT_FALSE(trail_->Port(v1::PortEvent()));
  EXPECT_THAT(Stats().audit_error(), testing::HasSubstr("File too large"));
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(Log(), ElementsAre("1 OPENED 443"));

  MakeSpace();
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_TRUE(trail_->available());
  EXPECT_THAT(Stats().audit_error(), IsEmpty());
  EXPECT_THAT(Log(), ElementsAre("1 OPENED 443", "2 lifecycle", "3 dns a.test AUDIT_UNAVAILABLE",
                                 "4 DENIED 443 x4 AUDIT_UNAVAILABLE"));
  EXPECT_THAT(Events()[1].lifecycle().message(), testing::HasSubstr("4 flows and 1 queries were denied"));
  EXPECT_TRUE(trail_->FlowOpened(flow_));
  EXPECT_EQ(Log().back(), "5 OPENED 443");
  EXPECT_EQ(Stats().audit_dropped(), 0u);
}

TEST_F(AuditTrailTest, FlowsThatEndWhileTheDiskIsFullAreToldLater) {
  trail_->FlowOpened(flow_);
  FillDisk();
  trail_->FlowClosed(flow_, v1::FlowEvent::END_CAUSE_FINISHED, nullptr);
  loop_.Advance(absl::Seconds(10));
  EXPECT_THAT(Log(), ElementsAre("1 OPENED 443"));
  MakeSpace();
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_THAT(Log(), ElementsAre("1 OPENED 443", "2 CLOSED 443", "3 lifecycle"));
}

TEST_F(AuditTrailTest, WhatIsHeldIsBounded) {
  FillDisk();
  EXPECT_FALSE(trail_->FlowOpened(flow_));
  v1::DnsEvent dns;
  dns.set_name("a.test");
  for (size_t i = 0; i < AuditTrail::kMaxHeldDns + 10; ++i) trail_->Dns(dns);
  for (size_t i = 0; i < AuditTrail::kMaxFolds + 10; ++i) {
    trail_->FlowDenied(v1::DIRECTION_EGRESS, Key(static_cast<uint16_t>(i + 1)), kDefaultDenial);
  }
  MakeSpace();
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_EQ(Log().size(), 1 + AuditTrail::kMaxHeldDns + AuditTrail::kMaxFolds);
  EXPECT_THAT(Events()[0].lifecycle().message(),
              testing::HasSubstr(absl::StrCat(AuditTrail::kMaxFolds + 10, " flows and ", AuditTrail::kMaxHeldDns + 10)));
}

TEST_F(AuditTrailTest, MayGoOnAndCountInstead) {
  Open(AuditTrail::OnFailure::kCount);
  FillDisk();
  EXPECT_TRUE(trail_->FlowOpened(flow_));
  trail_->Dns(v1::DnsEvent());
  EXPECT_TRUE(trail_->Commit());
  EXPECT_TRUE(trail_->available());
  EXPECT_THAT(Stats().audit_error(), Not(IsEmpty()));
  EXPECT_GE(Stats().audit_write_errors(), 1u);
  MakeSpace();
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_EQ(Log().front(), "1 OPENED 443");
  EXPECT_EQ(Log().size(), 3u);
}

TEST_F(AuditTrailTest, WhatIsTooOldGoesThoughNothingNewComes) {
  Open(AuditTrail::OnFailure::kDeny, absl::Hours(1));
  trail_->FlowOpened(flow_);
  loop_.Advance(absl::Minutes(59));
  EXPECT_EQ(log_.Segments().front(), 1u);
  loop_.Advance(absl::Minutes(3));
  EXPECT_THAT(log_.Segments(), ElementsAre(2u));
  Open(AuditTrail::OnFailure::kDeny, absl::Hours(1));  // another worker takes over
  trail_->FlowOpened(flow_);
  audit::LogReader reader = log_.Reader();
  EXPECT_THAT(audit::ReadAll(reader), testing::Contains(testing::StartsWith("2:")));
}

TEST_F(AuditTrailTest, KeepsLessAndMayGoOnFromNowOn) {
  trail_->FlowOpened(flow_);
  v1::DnsEvent dns;
  dns.set_name("a.test");
  trail_->Dns(dns);  // waits for the turn's end
  loop_.Advance(absl::Minutes(2));
  trail_->FlowOpened(flow_);
  trail_->Dns(dns);
  trail_->SetOptions({.max_age = absl::Minutes(1)}, AuditTrail::OnFailure::kCount);
  EXPECT_EQ(Log().back(), "4 dns a.test UNSPECIFIED");
  loop_.Advance(absl::Minutes(2));
  EXPECT_THAT(log_.Segments(), ElementsAre(5u)) << "all of it is too old";
  FillDisk();
  EXPECT_TRUE(trail_->FlowOpened(flow_));
  trail_->SetOptions({.max_age = absl::Minutes(1)}, AuditTrail::OnFailure::kDeny);
  EXPECT_FALSE(trail_->FlowOpened(flow_));
  MakeSpace();
  loop_.Advance(AuditTrail::kRetryTime);
  EXPECT_TRUE(trail_->FlowOpened(flow_));
}

}  // namespace
}  // namespace sluice
