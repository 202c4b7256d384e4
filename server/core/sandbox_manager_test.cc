#include "server/core/sandbox_manager.h"

#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/base/io.h"
#include "server/core/fake_host.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kCreation = {
    FakeHost::kCreateGuest, FakeHost::kAttachGuest,  FakeHost::kBindPort, FakeHost::kLaunch, FakeHost::kConfigure,
    FakeHost::kAttachWorker, FakeHost::kAddPort, FakeHost::kStartGuest, FakeHost::kRecord};

class SandboxManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = absl::StrCat(testing::TempDir(), "/manager");
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
    absl::StatusOr<std::unique_ptr<StateDirectory>> state = StateDirectory::Open(directory_);
    ASSERT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
    ASSERT_TRUE(WriteFile(floor_path_, "rules: [{action: ACTION_DENY}]\n").ok());
    absl::StatusOr<std::unique_ptr<FloorPolicy>> floor = FloorPolicy::Load(floor_path_);
    ASSERT_TRUE(floor.ok()) << floor.status();
    floor_ = *std::move(floor);
    audit_ = AuditArchive::Open(state_->audit(), absl::Hours(24), clock_);
    manager_ = std::make_unique<SandboxManager>(SandboxManager::Options{
        .workers = host_,
        .worker_ids = worker_ids_,
        .guests = host_,
        .state = *state_,
        .audit = *audit_,
        .clock = clock_,
        .host = {},
        .block_lists = block_lists_,
        .floor = *floor_,
        .bind_port = [this](const v1::PortMapping& port) { return host_.BindPort(port); }});
    manager_->Start({});
  }

  template <typename Request>
  static Request Parse(const std::string& text) {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    return request;
  }

  // Calls a method of the manager's, and waits for its answer.
  template <typename Response, typename Call>
  static absl::StatusOr<Response> Await(Call call) {
    std::promise<absl::StatusOr<Response>> answer;
    call([&answer](absl::StatusOr<Response> response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }

  absl::StatusOr<v1::Sandbox> Create(const std::string& request) {
    const auto response = Await<v1::CreateSandboxResponse>([&](auto done) {
      manager_->Create(Parse<v1::CreateSandboxRequest>(request), CancelToken(), std::move(done));
    });
    if (!response.ok()) return response.status();
    return response->sandbox();
  }
  // With a port, so that every step is taken.
  absl::StatusOr<v1::Sandbox> CreateNamed(const std::string& id) {
    return Create(absl::StrCat("sandbox { id: '", id, "' guest { oci {} } network { ports { guest_port: 80 } } }"));
  }
  absl::Status Delete(const std::string& id) {
    return Await<v1::DeleteSandboxResponse>([&](auto done) {
             v1::DeleteSandboxRequest request;
             request.set_sandbox_id(id);
             manager_->Delete(request, std::move(done));
           })
        .status();
  }
  absl::StatusOr<v1::SetNetworkPolicyResponse> SetPolicy(const std::string& request) {
    return Await<v1::SetNetworkPolicyResponse>([&](auto done) {
      manager_->SetNetworkPolicy(Parse<v1::SetNetworkPolicyRequest>(request), std::move(done));
    });
  }
  absl::StatusOr<v1::PublishPortResponse> Publish(const std::string& request) {
    return Await<v1::PublishPortResponse>([&](auto done) {
      manager_->PublishPort(Parse<v1::PublishPortRequest>(request), std::move(done));
    });
  }
  v1::Sandbox Get(const std::string& id) {
    v1::GetSandboxRequest request;
    request.set_sandbox_id(id);
    const absl::StatusOr<SandboxSnapshotPtr> sandbox = manager_->Get(request);
    return sandbox.ok() ? (*sandbox)->In(v1::SANDBOX_VIEW_FULL, v1::SANDBOX_VIEW_FULL) : v1::Sandbox();
  }
  // Waits for the sandbox's strand to have done what it has been given.
  void Settle(const std::string& id) {
    EXPECT_TRUE(absl::IsAborted(
        SetPolicy(absl::StrCat("sandbox_id: '", id, "' expected_generation: 99 policy { preset: PRESET_NONE }")).status()));
  }

  // Files and directories that are left of sandboxes.
  std::set<std::string> Files() const {
    std::set<std::string> names;
    for (const std::string& directory : {directory_ + "/sandboxes", directory_ + "/audit"}) {
      for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename());
    }
    return names;
  }
  void ExpectNothing() {
    EXPECT_THAT(host_.Existing(), IsEmpty());
    EXPECT_TRUE(fs::is_empty(directory_ + "/sandboxes"));
    const absl::StatusOr<SandboxManager::Page> page = manager_->List({});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_THAT(page->sandboxes, IsEmpty());
  }

  FakeClock clock_;
  std::string directory_;
  std::unique_ptr<StateDirectory> state_;
  WorkerIds worker_ids_{"", ""};  // this process may not become others
  std::unique_ptr<AuditArchive> audit_;
  FakeHost host_;
  BlockListStore block_lists_;  // none
  const std::string floor_path_ = absl::StrCat(testing::TempDir(), "/floor.yaml");
  std::unique_ptr<FloorPolicy> floor_;
  std::unique_ptr<SandboxManager> manager_;
};

TEST_F(SandboxManagerTest, MakesASandboxStepByStep) {
  const absl::StatusOr<v1::Sandbox> sandbox = CreateNamed("web");
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(host_.TakeSteps(), kCreation);
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
    manager_->Create(Parse<v1::CreateSandboxRequest>(request), cancel,
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
  manager_->Create(Parse<v1::CreateSandboxRequest>("sandbox { id: 'web' guest { oci {} } }"), CancelToken(),
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
  manager_->Create(Parse<v1::CreateSandboxRequest>("sandbox { id: 'three' guest { oci {} } }"), CancelToken(),
                   [&created](const auto& response) { created.set_value(response.status()); });
  host_.AwaitHeld();
  std::thread stopping([this] { manager_->Stop(); });
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
  ASSERT_TRUE(WriteFile(floor_path_, "rules: [{action: ACTION_DENY}, {action: ACTION_DENY}]\n").ok());
  floor_->Reload();
  manager_->OnFloorChanged();
  Settle("web");
  EXPECT_EQ(host_.floor_rules(), 2);
}

TEST_F(SandboxManagerTest, TellsWorkersOfNewResolvers) {
  ASSERT_TRUE(CreateNamed("web").ok());
  const std::vector<Endpoint> servers = {*Endpoint::Parse("9.9.9.9:53")};
  manager_->SetHostNameservers(servers);
  Settle("web");
  EXPECT_EQ(host_.nameservers(), servers);
}

}  // namespace
}  // namespace sluice
