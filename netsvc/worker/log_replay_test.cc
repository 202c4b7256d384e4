#include "netsvc/worker/log_replay.h"

#include <fcntl.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress kAddress = *IpAddress::Parse("93.184.216.34");

DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

class LogReplayTest : public testing::Test {
 protected:
  LogReplayTest() {
    std::string path = testing::TempDir() + "/logXXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    directory_.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY));
    log_ = audit::LogWriter::Open(UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY)), {}, clock_).value();
  }

  void Record(const std::string& dns) {
    v1::AuditEvent event;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(dns, event.mutable_dns())) << dns;
    log_->Append(event);
    EXPECT_TRUE(log_->Flush().ok());
  }
  void RecordEvent(const std::string& text) {
    v1::AuditEvent event;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    log_->Append(event);
    EXPECT_TRUE(log_->Flush().ok());
  }
  void RecordFlow(int id, const std::string& phase) {
    RecordEvent("flow { flow_id: " + std::to_string(id) + " phase: PHASE_" + phase + " }");
  }
  std::vector<uint64_t> OpenFlows() {
    dns::Bindings bindings(clock_);
    return ReplayLog(directory_.get(), clock_, bindings).open_flows;
  }
  void RecordAnswer(const std::string& name, int ttl) {
    Record("name: '" + name + "' addresses: '93.184.216.34' verdict { action: ACTION_ALLOW } ttl { seconds: " +
           std::to_string(ttl) + " }");
  }
  dns::Bindings::Names Replayed() {
    dns::Bindings bindings(clock_);
    ReplayLog(directory_.get(), clock_, bindings);
    return bindings.NamesOf(kAddress);
  }

  FakeClock clock_;
  UniqueFd directory_;
  std::unique_ptr<audit::LogWriter> log_;
};

TEST_F(LogReplayTest, PairsHaveWhatIsLeftOfTheirTime) {
  RecordAnswer("short.test", 0);
  RecordAnswer("long.test", 300);
  clock_.Advance(absl::Seconds(59));
  EXPECT_THAT(Replayed().live, ElementsAre(Name("long.test"), Name("short.test")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Replayed().live, ElementsAre(Name("long.test")));
  EXPECT_THAT(Replayed().stale, ElementsAre(Name("short.test")));
}

TEST_F(LogReplayTest, AllowedAnswersAloneBind) {
  Record("name: 'denied.test' addresses: '93.184.216.34' verdict { action: ACTION_DENY }");
  Record("name: 'nothing.test' verdict { action: ACTION_ALLOW }");
  Record("name: 'broken..test' addresses: '93.184.216.34' verdict { action: ACTION_ALLOW }");
  EXPECT_THAT(Replayed().live, IsEmpty());
  EXPECT_THAT(Replayed().stale, IsEmpty());
}

TEST_F(LogReplayTest, WhatIsOldIsLeftAlone) {
  RecordAnswer("old.test", 86'400);
  clock_.Advance(kReplayAge + absl::Seconds(1));
  RecordAnswer("new.test", 0);
  EXPECT_THAT(Replayed().live, ElementsAre(Name("new.test")));
}

TEST_F(LogReplayTest, FlowsThatWereOpenedAndNotClosedAreOpen) {
  RecordFlow(1, "OPENED");
  RecordFlow(2, "OPENED");
  RecordFlow(3, "DENIED");
  RecordFlow(1, "CLOSED");
  EXPECT_THAT(OpenFlows(), ElementsAre(2));
  // A flow that is open is told of every minute; this one is no more.
  clock_.Advance(kSilence);
  RecordFlow(4, "PROGRESS");
  EXPECT_THAT(OpenFlows(), ElementsAre(4));
}

TEST_F(LogReplayTest, FlowsOfAWorkerThatWasReplacedBeforeAreNot) {
  RecordFlow(1, "OPENED");
  RecordEvent("lifecycle { state: STATE_DEGRADED }");
  RecordFlow(2, "OPENED");
  EXPECT_THAT(OpenFlows(), ElementsAre(2));
}

}  // namespace
}  // namespace sluice
