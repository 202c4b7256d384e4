// What becomes of sandboxes when their server, or their worker, ends.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/core/restart_backoff.h"
#include "server/core/sandbox_manager_fixture.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using Outcomes = std::map<Sandbox::Recovery, int>;

class SandboxRecoveryTest : public SandboxManagerFixture {
 protected:
  // Waits until the sandbox is in `state`, as its watchers see it.
  v1::Sandbox Await(const std::string& id, v1::Sandbox::State state) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (Get(id).state() != state && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
    EXPECT_EQ(Get(id).state(), state) << Get(id).state_message();
    return Get(id);
  }
  // Settle() for one that has no worker, or has been left.
  void SettleWithoutWorker(const std::string& id) {
    EXPECT_TRUE(absl::IsUnavailable(
        SetPolicy(absl::StrCat("sandbox_id: '", id, "' policy { preset: PRESET_NONE }")).status()));
  }
  void SaveAs(const std::string& uid, const std::function<void(internal::v1::SandboxRecord&)>& change) {
    internal::v1::SandboxRecord record = RecordOf(uid);
    change(record);
    ASSERT_TRUE(store_.Update(record, nullptr).ok());
  }
};

TEST_F(SandboxRecoveryTest, TheNextServerGoesOnWithWhatIsThere) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_TRUE(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").ok());
  const v1::Sandbox before = Get("web");
  const std::map<std::string, int> existing = host_.Existing();
  EXPECT_EQ(Restart(), (Outcomes{{Sandbox::Recovery::kAdopted, 1}}));
  EXPECT_THAT(host_.TakeSteps(), testing::ElementsAre(FakeHost::kAdoptWorker, FakeHost::kAdoptGuest));
  EXPECT_EQ(host_.Existing(), existing);
  v1::Sandbox after = Get("web");
  EXPECT_NE(after.etag(), before.etag());
  after.set_etag(before.etag());
  EXPECT_EQ(after.DebugString(), before.DebugString());
  EXPECT_TRUE(manager_->FindGuest("web").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(CreateNamed("web").status()));
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

TEST_F(SandboxRecoveryTest, ARequestSentAgainGetsTheSameAnswerFromTheNextServer) {
  const std::string create = "request_id: 'r1' sandbox { guest { oci {} } }";
  const absl::StatusOr<v1::Sandbox> first = Create(create);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string publish = absl::StrCat("request_id: 'r2' sandbox_id: '", first->id(), "' port { guest_port: 80 }");
  const absl::StatusOr<v1::PublishPortResponse> published = Publish(publish);
  ASSERT_TRUE(published.ok()) << published.status();
  Restart();
  const absl::StatusOr<v1::Sandbox> again = Create(create);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->DebugString(), first->DebugString());
  EXPECT_EQ(Publish(publish)->DebugString(), published->DebugString());
  EXPECT_EQ(Get(first->id()).network_status().ports_size(), 1);
  const std::string other = "request_id: 'r1' sandbox { id: 'x' guest { oci {} } }";
  EXPECT_EQ(FieldOf(Create(other).status()), "request_id");
  EXPECT_TRUE(Create(other, "user 1001").ok()) << "what the store has is the caller's too";
}

TEST_F(SandboxRecoveryTest, ARequestThatWasKeptWithoutItsCallerIsNobodys) {
  const std::string request = "request_id: 'r1' sandbox { guest { oci {} } }";
  const absl::StatusOr<v1::Sandbox> first = Create(request);
  ASSERT_TRUE(first.ok()) << first.status();
  Restart([&] {
    const FinishedRequest old{.name = {.key = "CreateSandbox r2", .fingerprint = "print"}, .response = "", .at = clock_.Now()};
    ASSERT_TRUE(store_.Update(RecordOf(first->uid()), &old).ok());
  });
  EXPECT_EQ(Create(request)->uid(), first->uid()) << "what stands beside it is loaded";
  const absl::StatusOr<v1::Sandbox> second = Create("request_id: 'r2' sandbox { guest { oci {} } }");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->uid(), first->uid());
}

TEST_F(SandboxRecoveryTest, ACreationThatWasCutOffIsUndone) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(Restart([&] {
              SaveAs(created->uid(), [](auto& record) { record.mutable_sandbox()->set_state(v1::Sandbox::STATE_CREATING); });
            }),
            (Outcomes{{Sandbox::Recovery::kUndone, 1}}));
  ExpectNothing();
  EXPECT_TRUE(Files().empty()) << "its log is of a sandbox that never was";
  const absl::StatusOr<v1::Sandbox> again = CreateNamed("web");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE(again->uid(), created->uid());
}

TEST_F(SandboxRecoveryTest, ADeletionThatWasCutOffIsFinished) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(Restart([&] {
              SaveAs(created->uid(), [](auto& record) { record.mutable_sandbox()->set_state(v1::Sandbox::STATE_DELETING); });
              host_.LoseWorker(created->uid());
            }),
            (Outcomes{{Sandbox::Recovery::kFinished, 1}}));
  ExpectNothing();
  EXPECT_FALSE(Files().empty()) << "its log stays";
}

TEST_F(SandboxRecoveryTest, APolicyThatTheWorkerWasNotToldOfIsSentAgain) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  Restart([&] {
    SaveAs(created->uid(), [](auto& record) {
      record.mutable_sandbox()->mutable_network()->mutable_policy()->set_preset(v1::PRESET_ALLOWLIST);
      record.mutable_sandbox()->mutable_network_status()->set_policy_generation(2);
    });
  });
  EXPECT_EQ(host_.config().policy().preset(), v1::PRESET_ALLOWLIST);
  EXPECT_EQ(host_.config().policy_generation(), 2u);
  EXPECT_EQ(Get("web").network_status().policy_generation(), 2u);
}

TEST_F(SandboxRecoveryTest, TheWayToNoneIsGoneToItsEnd) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  Restart([&] {
    SaveAs(created->uid(), [](auto& record) {
      record.mutable_sandbox()->mutable_network()->mutable_policy()->set_preset(v1::PRESET_NONE);
      record.mutable_sandbox()->mutable_network_status()->set_policy_generation(2);
    });
  });
  EXPECT_EQ(host_.Existing(), (std::map<std::string, int>{{"guests", 1}, {"workers", 1}}));
  EXPECT_EQ(Get("web").network_status().ports_size(), 0);
  ASSERT_TRUE(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").ok());
  EXPECT_EQ(Get("web").network_status().ports_size(), 1) << "the mapping waited";
}

TEST_F(SandboxRecoveryTest, PortsAreThoseThatWereAnswered) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  const v1::PortMapping kept = Get("web").network_status().ports(0);
  v1::PortMapping stray = kept;
  stray.set_host_port(kept.host_port() + 1);
  Restart([&] { host_.LeavePort(created->uid(), stray); });
  EXPECT_EQ(host_.Existing().at("ports of workers"), 1);
  EXPECT_EQ(Get("web").network_status().ports(0).host_port(), kept.host_port());
}

TEST_F(SandboxRecoveryTest, AGuestThatEndedMeanwhileIsStopped) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  Restart([&] { host_.LoseGuest(created->uid()); });
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_STOPPED);
  EXPECT_EQ(Get("web").state_message(), "the guest's first process ended while no server ran; how is not known");
  EXPECT_TRUE(absl::IsFailedPrecondition(manager_->FindGuest("web").status()));
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

TEST_F(SandboxRecoveryTest, AWorkerThatEndedMeanwhileIsReplaced) {
  const absl::StatusOr<v1::Sandbox> created = CreateNamed("web");
  ASSERT_TRUE(created.ok()) << created.status();
  const std::map<std::string, int> existing = host_.Existing();
  EXPECT_EQ(Restart([&] { host_.LoseWorker(created->uid()); }), (Outcomes{{Sandbox::Recovery::kReplaced, 1}}));
  EXPECT_EQ(host_.Existing(), existing);
  EXPECT_EQ(host_.config().replaces(), "the worker process ended while no server ran");
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_RUNNING);
}

TEST_F(SandboxRecoveryTest, AGuestThatCannotBeFoundFailsAndCanBeDeleted) {
  ASSERT_TRUE(CreateNamed("web").ok());
  EXPECT_EQ(Restart([&] { host_.FailAt(FakeHost::kAdoptGuest, absl::FailedPreconditionError("the namespace is gone")); }),
            (Outcomes{{Sandbox::Recovery::kFailed, 1}}));
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_FAILED);
  EXPECT_THAT(Get("web").state_message(), HasSubstr("the namespace is gone"));
  EXPECT_TRUE(Delete("web").ok());
  EXPECT_EQ(Files().size(), 2u) << "its log alone";
}

TEST_F(SandboxRecoveryTest, TheWorkerIsToldWhereTheNextServerListens) {
  ASSERT_TRUE(CreateNamed("web").ok());
  manager_ = nullptr;
  StartServer();
  manager_->Start({*Endpoint::Parse("127.0.0.1:7777")});
  Settle("web");
  ASSERT_EQ(host_.config().control_plane_size(), 1);
  EXPECT_EQ(host_.config().control_plane(0), "127.0.0.1:7777");
}

TEST_F(SandboxRecoveryTest, AWorkerThatEndsIsReplaced) {
  ASSERT_TRUE(CreateNamed("web").ok());
  ASSERT_TRUE(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").ok());
  const v1::Sandbox before = Get("web");
  const std::map<std::string, int> existing = host_.Existing();
  host_.HoldAt(FakeHost::kConfigure);
  host_.EndWorker("the worker process was killed");
  host_.AwaitHeld();
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_DEGRADED);
  EXPECT_THAT(Get("web").state_message(), HasSubstr("the worker process was killed"));
  EXPECT_EQ(Get("web").network_status().ports_size(), 1) << "the server keeps listening";
  host_.Release();
  v1::Sandbox after = Await("web", v1::Sandbox::STATE_RUNNING);
  after.set_etag(before.etag());
  EXPECT_EQ(after.DebugString(), before.DebugString());
  EXPECT_EQ(host_.Existing(), existing);
  EXPECT_EQ(host_.config().replaces(), "the worker process was killed");
  EXPECT_EQ(host_.config().policy_generation(), 2u);
  EXPECT_EQ(manager_->totals().Get().deaths, 1u);
}

TEST_F(SandboxRecoveryTest, AWorkerThatRefusesTheFloorIsReplacedByOneThatHasIt) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::map<std::string, int> existing = host_.Existing();
  host_.FailAt(FakeHost::kSetFloor, absl::InternalError("no"));
  host_.HoldAt(FakeHost::kConfigure);
  ChangeFloor(2);
  host_.AwaitHeld();
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_DEGRADED);
  EXPECT_EQ(Get("web").state_message(),
            "the worker process did not take the operator's new floor (no) and was ended; it is being replaced, and "
            "nothing passes");
  host_.Release();
  Await("web", v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(host_.floor_rules(), 2);
  EXPECT_EQ(host_.config().replaces(), "the worker process did not take the operator's new floor (no) and was ended");
  EXPECT_EQ(host_.Existing(), existing);
  EXPECT_EQ(manager_->totals().Get().deaths, 1u);
}

// It is killed for that, which is told as an end of its own.
TEST_F(SandboxRecoveryTest, AWorkerThatHangsOverTheFloorIsReplacedOnce) {
  ASSERT_TRUE(CreateNamed("web").ok());
  host_.TakeSteps();
  host_.HoldAt(FakeHost::kSetFloor);
  ChangeFloor(2);
  host_.AwaitHeld();
  host_.EndWorker("the worker process was killed");
  host_.FailAt(FakeHost::kSetFloor, absl::UnavailableError("the sandbox's worker is gone"));
  host_.Release();
  Settle("web");
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(host_.floor_rules(), 2);
  const std::vector<std::string> steps = host_.TakeSteps();
  EXPECT_EQ(std::count(steps.begin(), steps.end(), FakeHost::kLaunch), 1);
}

TEST_F(SandboxRecoveryTest, WhereNoWorkerTakesTheFloorNothingPasses) {
  ASSERT_TRUE(CreateNamed("web").ok());
  host_.FailAt(FakeHost::kSetFloor, absl::InternalError("no"));
  host_.FailAt(FakeHost::kConfigure, absl::InternalError("no"));
  ChangeFloor(2);
  Await("web", v1::Sandbox::STATE_FAILED);
  EXPECT_THAT(Get("web").state_message(), HasSubstr("did not take the operator's new floor (no)"));
  EXPECT_THAT(Get("web").state_message(), HasSubstr("nothing passes any more"));
  EXPECT_EQ(host_.Existing().count("workers"), 0u);
}

TEST_F(SandboxRecoveryTest, AWorkerThatDoesNotTakeNewResolversIsReplacedByOneThatHasThem) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::map<std::string, int> existing = host_.Existing();
  host_.FailAt(FakeHost::kSetNameservers, absl::InternalError("no"));
  const std::vector<Endpoint> servers = {*Endpoint::Parse("9.9.9.9:53")};
  manager_->SetHostNameservers(servers);
  Settle("web");
  EXPECT_EQ(host_.nameservers(), servers);
  EXPECT_EQ(host_.config().replaces(),
            "the worker process did not take the host's new resolvers (no) and was ended");
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(host_.Existing(), existing);
}

// It would let its guest call the API.
TEST_F(SandboxRecoveryTest, AWorkerThatIsNotToldWhereTheServerListensIsReplaced) {
  ASSERT_TRUE(CreateNamed("web").ok());
  manager_ = nullptr;
  StartServer();
  host_.FailAt(FakeHost::kSetHost, absl::InternalError("no"));
  manager_->Start({*Endpoint::Parse("127.0.0.1:7777")});
  Settle("web");
  ASSERT_EQ(host_.config().control_plane_size(), 1);
  EXPECT_EQ(host_.config().control_plane(0), "127.0.0.1:7777");
  EXPECT_THAT(host_.config().replaces(), HasSubstr("did not take the server's listeners"));
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_RUNNING);
}

TEST_F(SandboxRecoveryTest, AWorkerThatCannotBeReplacedIsTriedAgain) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::map<std::string, int> existing = host_.Existing();
  host_.FailAt(FakeHost::kAddPort, absl::InternalError("no"));
  host_.HoldAt(FakeHost::kAddPort);
  host_.EndWorker("the worker process was killed");
  host_.AwaitHeld();
  host_.Release();
  host_.FailAt(FakeHost::kAddPort, absl::OkStatus());
  Await("web", v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(host_.Existing(), existing);
}

// Its worker ended, and another one could not be launched at once.
class WaitingForAWorkerTest : public SandboxRecoveryTest {
 protected:
  void SetUp() override {
    SandboxRecoveryTest::SetUp();
    ASSERT_TRUE(CreateNamed("web").ok());
    timers_.Hold();
    host_.FailAt(FakeHost::kLaunch, absl::InternalError("no"));
    host_.EndWorker("the worker process was killed");
    SettleWithoutWorker("web");
    host_.FailAt(FakeHost::kLaunch, absl::OkStatus());
    host_.TakeSteps();
  }
};

TEST_F(WaitingForAWorkerTest, ThatWhichStaysLaunchesOne) {
  EXPECT_EQ(timers_.Release(), 1u);
  Await("web", v1::Sandbox::STATE_RUNNING);
  EXPECT_THAT(host_.TakeSteps(), testing::Contains(FakeHost::kLaunch));
}

TEST_F(WaitingForAWorkerTest, ThatWhichIsLeftLaunchesNone) {
  manager_->Stop(SandboxManager::Ending::kLeave);
  EXPECT_EQ(timers_.Release(), 1u);
  SettleWithoutWorker("web");
  EXPECT_THAT(host_.TakeSteps(), testing::IsEmpty());
}

// Its worker goes on: one in its place would run beside it. The twin that is not left:
// AWorkerThatRefusesTheFloorIsReplacedByOneThatHasIt, and that of the resolvers.
TEST_F(SandboxRecoveryTest, AServerThatHasLeftTellsAWorkerNothingAndReplacesNone) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::map<std::string, int> existing = host_.Existing();
  for (const char* step : {FakeHost::kSetFloor, FakeHost::kSetNameservers, FakeHost::kSetHost}) {
    host_.FailAt(step, absl::InternalError("no"));
  }
  manager_->Stop(SandboxManager::Ending::kLeave);
  host_.TakeSteps();
  ChangeFloor(2);
  manager_->SetHostNameservers({*Endpoint::Parse("9.9.9.9:53")});
  host_.EndWorker("the worker process was killed");
  SettleWithoutWorker("web");
  EXPECT_THAT(host_.TakeSteps(), testing::IsEmpty());
  EXPECT_EQ(host_.Existing(), existing);
  EXPECT_EQ(manager_->totals().Get().deaths, 0u);
}

TEST_F(SandboxRecoveryTest, AnAdoptedWorkerHasTheFloorAsItIsNow) {
  ASSERT_TRUE(CreateNamed("web").ok());
  EXPECT_EQ(host_.floor_rules(), 1);
  Restart();
  EXPECT_EQ(host_.floor_rules(), 1);
  Restart([&] {
    ASSERT_TRUE(WriteFile(floor_path_, "rules: [{action: ACTION_DENY}, {action: ACTION_DENY}]\n").ok());
    floor_->Reload();
  });
  EXPECT_EQ(host_.floor_rules(), 2);
}

TEST_F(SandboxRecoveryTest, AWorkerThatCannotBeReplacedFailsInTheEnd) {
  ASSERT_TRUE(CreateNamed("web").ok());
  host_.TakeSteps();
  host_.FailAt(FakeHost::kConfigure, absl::InternalError("no"));
  host_.EndWorker("the worker process was killed");
  Await("web", v1::Sandbox::STATE_FAILED);
  EXPECT_EQ(Get("web").state_message(),
            "the worker process was killed; no worker stays, and nothing passes any more");
  const std::vector<std::string> steps = host_.TakeSteps();
  EXPECT_EQ(std::count(steps.begin(), steps.end(), FakeHost::kLaunch), RestartBackoff::kMaxEnds);
  EXPECT_EQ(Get("web").network_status().ports_size(), 0) << "nobody listens";
  EXPECT_TRUE(absl::IsUnavailable(Publish("sandbox_id: 'web' port { guest_port: 81 }").status()));
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

}  // namespace
}  // namespace sluice
