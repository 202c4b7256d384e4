#include "server/core/sandbox_manager.h"

#include <algorithm>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "server/core/fake_host.h"
#include "server/core/sandbox_manager_fixture.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

const std::vector<std::string> kCreation = {
    FakeHost::kCreateGuest, FakeHost::kAttachGuest,  FakeHost::kBindPort, FakeHost::kLaunch, FakeHost::kConfigure,
    FakeHost::kAttachWorker, FakeHost::kAddPort, FakeHost::kStartGuest, FakeHost::kRecord};

using SandboxManagerTest = SandboxManagerFixture;

TEST_F(SandboxManagerTest, MakesASandboxStepByStep) {
  const absl::StatusOr<v1::Sandbox> sandbox = CreateNamed("web");
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  // The guest starts beside the worker, when the ports are bound.
  std::vector<std::string> steps = host_.TakeSteps();
  ASSERT_THAT(steps, UnorderedElementsAreArray(kCreation));
  const auto start = std::find(steps.begin(), steps.end(), FakeHost::kStartGuest);
  EXPECT_GT(start, std::find(steps.begin(), steps.end(), FakeHost::kBindPort));
  EXPECT_EQ(steps.back(), FakeHost::kRecord);
  steps.erase(start);
  std::vector<std::string> others = kCreation;
  std::erase(others, FakeHost::kStartGuest);
  EXPECT_EQ(steps, others);
  EXPECT_EQ(sandbox->state(), v1::Sandbox::STATE_RUNNING);
  EXPECT_EQ(sandbox->network_status().policy_generation(), 1u);
  EXPECT_EQ(sandbox->network_status().ports(0).host_port(), 40'001u);
  EXPECT_EQ(Get("web").etag(), sandbox->etag());
  ASSERT_TRUE(Delete("web").ok());
  ExpectNothing();
  EXPECT_TRUE(absl::IsNotFound(Delete("web")));
}

TEST_F(SandboxManagerTest, AFailureAtAnyStepLeavesNothing) {
  for (const std::string& step : kCreation) {
    SCOPED_TRACE(step);
    host_.FailAt(step, absl::ResourceExhaustedError(step));
    EXPECT_EQ(CreateNamed("web").status(), absl::ResourceExhaustedError(step));
    ExpectNothing();
    EXPECT_THAT(Files(), IsEmpty());
    host_.FailAt(step, absl::OkStatus());
    ASSERT_TRUE(CreateNamed("web").ok()) << "the id is free again";
    const std::string uid = Get("web").uid();
    ASSERT_TRUE(Delete("web").ok());
    audit_->Discard(uid);  // else kept for a while
  }
}

TEST_F(SandboxManagerTest, NamesTheFieldThatAStepRefused) {
  const std::pair<const char*, const char*> kCases[] = {{FakeHost::kCreateGuest, "sandbox.guest.x"},
                                                        {FakeHost::kBindPort, "sandbox.network.ports[0].x"},
                                                        {FakeHost::kConfigure, "sandbox.network.x"},
                                                        {FakeHost::kStartGuest, "sandbox.guest.oci.x"}};
  for (const auto& [step, field] : kCases) {
    host_.FailAt(step, FieldError("x", "is wrong"));
    EXPECT_EQ(FieldOf(CreateNamed("web").status()), field);
    host_.FailAt(step, absl::OkStatus());
  }
}

TEST_F(SandboxManagerTest, ACallerThatGivesUpUndoesItsCreation) {
  for (const std::string& step : kCreation) {
    SCOPED_TRACE(step);
    host_.HoldAt(step);
    CancelToken cancel;
    std::promise<absl::Status> answer;
    const std::string request = "sandbox { id: 'web' guest { oci {} } network { ports { guest_port: 80 } } }";
    manager_->Create(Parse<v1::CreateSandboxRequest>(request), "user 0", cancel,
                     [&answer](const auto& response) { answer.set_value(response.status()); });
    host_.AwaitHeld();
    EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_CREATING);
    EXPECT_TRUE(absl::IsAlreadyExists(CreateNamed("web").status()));
    cancel.Cancel();
    host_.Release();
    EXPECT_TRUE(absl::IsCancelled(answer.get_future().get()));
    ExpectNothing();
    EXPECT_THAT(Files(), IsEmpty());
  }
}

TEST_F(SandboxManagerTest, DeletingASandboxThatIsBeingMadeUndoesThat) {
  host_.HoldAt(FakeHost::kLaunch);
  std::promise<absl::Status> created;
  manager_->Create(Parse<v1::CreateSandboxRequest>("sandbox { id: 'web' guest { oci {} } }"), "user 0", CancelToken(),
                   [&created](const auto& response) { created.set_value(response.status()); });
  host_.AwaitHeld();
  std::promise<absl::Status> deleted;
  v1::DeleteSandboxRequest request;
  request.set_sandbox_id("web");
  manager_->Delete(request, [&deleted](const auto& response) { deleted.set_value(response.status()); });
  host_.Release();
  EXPECT_TRUE(absl::IsCancelled(created.get_future().get()));
  EXPECT_TRUE(deleted.get_future().get().ok());
  ExpectNothing();
}

TEST_F(SandboxManagerTest, StopEndsWhatIsThereAndWhatIsBeingMade) {
  ASSERT_TRUE(CreateNamed("one").ok());
  ASSERT_TRUE(CreateNamed("two").ok());
  host_.HoldAt(FakeHost::kConfigure);
  std::promise<absl::Status> created;
  manager_->Create(Parse<v1::CreateSandboxRequest>("sandbox { id: 'three' guest { oci {} } }"), "user 0", CancelToken(),
                   [&created](const auto& response) { created.set_value(response.status()); });
  host_.AwaitHeld();
  std::thread stopping([this] { manager_->Stop(SandboxManager::Ending::kDelete); });
  host_.Release();
  stopping.join();
  const absl::Status status = created.get_future().get();
  EXPECT_TRUE(absl::IsCancelled(status) || status.ok()) << status;
  ExpectNothing();
  EXPECT_TRUE(absl::IsUnavailable(CreateNamed("four").status()));
}

TEST_F(SandboxManagerTest, ATearDownThatFailsCanBeTriedAgain) {
  ASSERT_TRUE(CreateNamed("web").ok());
  host_.FailAt(FakeHost::kStopGuest, absl::DeadlineExceededError("the guest does not end"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Delete("web")));
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_FAILED);
  EXPECT_EQ(Get("web").state_message(), "the guest does not end");
  EXPECT_TRUE(absl::IsAlreadyExists(CreateNamed("web").status()));
  host_.FailAt(FakeHost::kStopGuest, absl::OkStatus());
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

TEST_F(SandboxManagerTest, ARequestSentAgainGetsTheSameAnswer) {
  std::string labels;
  for (int i = 0; i < 16; ++i) absl::StrAppend(&labels, "labels { key: 'k", i, "' value: 'v' } ");
  const std::string request = absl::StrCat("request_id: 'r1' sandbox { ", labels, " guest { oci {} } }");
  const absl::StatusOr<v1::Sandbox> first = Create(request);
  ASSERT_TRUE(first.ok()) << first.status();
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<v1::Sandbox> again = Create(request);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->uid(), first->uid());
  }
  EXPECT_EQ(FieldOf(Create("request_id: 'r1' sandbox { guest { oci {} } }").status()), "request_id");
  clock_.Advance(RequestCache::kLifetime);
  const absl::StatusOr<v1::Sandbox> later = Create(request);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_NE(later->uid(), first->uid());
}

TEST_F(SandboxManagerTest, RequestIdsAreEachCallersOwn) {
  const std::string request = "request_id: 'r1' sandbox { guest { oci {} } }";
  const absl::StatusOr<v1::Sandbox> mine = Create(request, "user 1000");
  ASSERT_TRUE(mine.ok()) << mine.status();
  const absl::StatusOr<v1::Sandbox> theirs = Create(request, "user 1001");
  ASSERT_TRUE(theirs.ok()) << theirs.status();
  EXPECT_NE(theirs->uid(), mine->uid()) << "one is not answered with another's sandbox";
  EXPECT_TRUE(Create("request_id: 'r1' sandbox { id: 'x' guest { oci {} } }", "user 1002").ok());
  EXPECT_EQ(Create(request, "user 1000")->uid(), mine->uid());

  const std::string publish = "request_id: 'r2' sandbox_id: 'x' port { guest_port: 80 }";
  const absl::StatusOr<v1::PublishPortResponse> published = Publish(publish, "user 1000");
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_NE(Publish(publish, "user 1001")->port().host_port(), published->port().host_port());
  EXPECT_EQ(Publish(publish, "user 1000")->port().host_port(), published->port().host_port());
}

TEST_F(SandboxManagerTest, ARequestThatFailedMayBeSentAgain) {
  const std::string request = "request_id: 'r1' sandbox { id: 'web' guest { oci {} } }";
  host_.FailAt(FakeHost::kLaunch, absl::InternalError("no"));
  EXPECT_FALSE(Create(request).ok());
  host_.FailAt(FakeHost::kLaunch, absl::OkStatus());
  EXPECT_TRUE(Create(request).ok());
  const std::string publish = "request_id: 'r1' sandbox_id: 'web' port { guest_port: 80 }";
  const absl::StatusOr<v1::PublishPortResponse> published = Publish(publish);
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(Publish(publish)->port().host_port(), published->port().host_port());
  EXPECT_EQ(Get("web").network_status().ports_size(), 1);
}

TEST_F(SandboxManagerTest, AGuestThatEndsIsStopped) {
  ASSERT_TRUE(CreateNamed("web").ok());
  host_.EndGuest({.code = 3});
  Settle("web");
  EXPECT_EQ(Get("web").state(), v1::Sandbox::STATE_STOPPED);
  EXPECT_EQ(Get("web").state_message(), "the guest's first process exited with status 3");
  EXPECT_TRUE(absl::IsFailedPrecondition(manager_->FindGuest("web").status()));
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

TEST_F(SandboxManagerTest, APolicyChangesWithItsGeneration) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::string etag = Get("web").etag();
  const auto set = [this](int expected, const char* preset) {
    return SetPolicy(absl::StrCat("sandbox_id: 'web' expected_generation: ", expected, " policy { preset: ", preset, " }"));
  };
  EXPECT_EQ(set(1, "PRESET_ALLOW_ALL")->policy_generation(), 2u);
  EXPECT_NE(Get("web").etag(), etag);
  EXPECT_TRUE(absl::IsAborted(set(1, "PRESET_ALLOWLIST").status()));
  EXPECT_EQ(Get("web").network().policy().preset(), v1::PRESET_ALLOW_ALL);
  host_.FailAt(FakeHost::kSetPolicy, FieldError("rules[7]", "no"));
  EXPECT_EQ(FieldOf(set(0, "PRESET_ALLOWLIST").status()), "policy.rules[7]");
  EXPECT_EQ(Get("web").network_status().policy_generation(), 2u) << "a policy that is refused changes nothing";
}

TEST_F(SandboxManagerTest, NoneTakesTheLinkAndThePortsAndGivesThemBack) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::map<std::string, int> open = host_.Existing();
  ASSERT_TRUE(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_NONE }").ok());
  EXPECT_EQ(host_.Existing(), (std::map<std::string, int>{{"guests", 1}, {"workers", 1}}));
  EXPECT_EQ(Get("web").network_status().ports_size(), 0);
  EXPECT_EQ(Get("web").network().ports_size(), 1) << "the mapping waits";
  EXPECT_TRUE(absl::IsFailedPrecondition(Publish("sandbox_id: 'web' port { guest_port: 81 }").status()));

  host_.FailAt(FakeHost::kAttachGuest, absl::AlreadyExistsError("someone made eth0"));
  EXPECT_TRUE(absl::IsAlreadyExists(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").status()));
  EXPECT_EQ(host_.Existing(), (std::map<std::string, int>{{"guests", 1}, {"workers", 1}}));
  EXPECT_EQ(Get("web").network().policy().preset(), v1::PRESET_NONE);

  host_.FailAt(FakeHost::kAttachGuest, absl::OkStatus());
  ASSERT_TRUE(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").ok());
  EXPECT_EQ(host_.Existing(), open);
  EXPECT_EQ(Get("web").network_status().ports(0).host_port(), 40'001u) << "the same port as before";
}

TEST_F(SandboxManagerTest, ListsPageByPageAndByLabel) {
  for (int i = 0; i < 5; ++i) {
    const std::string labels = absl::StrCat("labels { key: 'odd' value: '", i % 2, "' }");
    ASSERT_TRUE(Create(absl::StrCat("sandbox { id: 's", i, "' guest { oci {} } ", labels, " }")).ok());
  }
  v1::ListSandboxesRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    const absl::StatusOr<SandboxManager::Page> page = manager_->List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    ASSERT_LE(page->sandboxes.size(), 2u);
    for (const SandboxSnapshotPtr& sandbox : page->sandboxes) ids.push_back(sandbox->basic().id());
    request.set_page_token(page->next_page_token);
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre("s0", "s1", "s2", "s3", "s4"));
  request = Parse<v1::ListSandboxesRequest>("labels { key: 'odd' value: '1' }");
  EXPECT_EQ(manager_->List(request)->sandboxes.size(), 2u);
}

TEST_F(SandboxManagerTest, GivesEveryWorkerTheFloorAndTellsOfAnother) {
  ASSERT_TRUE(CreateNamed("web").ok());
  EXPECT_EQ(host_.floor_rules(), 1);
  host_.TakeSteps();
  ChangeFloor(2);
  Settle("web");
  EXPECT_EQ(host_.floor_rules(), 2);
  EXPECT_THAT(host_.TakeSteps(), ElementsAre(FakeHost::kSetFloor)) << "by the worker that is there";
}

TEST_F(SandboxManagerTest, TellsWorkersOfNewResolvers) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::vector<Endpoint> servers = {*Endpoint::Parse("9.9.9.9:53")};
  manager_->SetHostNameservers(servers);
  Settle("web");
  EXPECT_EQ(host_.nameservers(), servers);
}

TEST_F(SandboxManagerTest, TellsOfNewResolversWhileASandboxIsBeingMade) {
  const std::vector<Endpoint> servers = {*Endpoint::Parse("9.9.9.9:53")};
  for (const char* step : {FakeHost::kCreateGuest, FakeHost::kConfigure, FakeHost::kStartGuest}) {
    SCOPED_TRACE(step);
    manager_->SetHostNameservers({});
    host_.HoldAt(step);
    std::promise<absl::Status> created;
    manager_->Create(Parse<v1::CreateSandboxRequest>("sandbox { id: 'web' guest { oci {} } }"), "user 0", CancelToken(),
                     [&created](const auto& response) { created.set_value(response.status()); });
    host_.AwaitHeld();
    manager_->SetHostNameservers(servers);
    host_.Release();
    ASSERT_TRUE(created.get_future().get().ok());
    Settle("web");
    EXPECT_EQ(host_.nameservers(), servers);
    ASSERT_TRUE(Delete("web").ok());
  }
}

TEST_F(SandboxManagerTest, WhatCannotBeSavedDoesNotHappen) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const v1::PortMapping port = Get("web").network_status().ports(0);
  const std::map<std::string, int> before = host_.Existing();
  store_.FailWith(absl::ResourceExhaustedError("the disk is full"));
  EXPECT_TRUE(absl::IsResourceExhausted(CreateNamed("other").status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Publish("sandbox_id: 'web' port { guest_port: 81 }").status()));
  EXPECT_TRUE(absl::IsResourceExhausted(SetPolicy("sandbox_id: 'web' policy { preset: PRESET_ALLOW_ALL }").status()));
  EXPECT_EQ(host_.Existing(), before);
  EXPECT_EQ(Get("web").network_status().ports_size(), 1);
  EXPECT_EQ(Get("web").network_status().policy_generation(), 1u);
  EXPECT_EQ(host_.config().policy_generation(), 1u);
  store_.FailWith(absl::OkStatus());
  EXPECT_TRUE(Delete("web").ok());
  ExpectNothing();
}

}  // namespace
}  // namespace sluice
