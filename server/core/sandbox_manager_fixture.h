#ifndef SLUICE_SERVER_CORE_SANDBOX_MANAGER_FIXTURE_H_
#define SLUICE_SERVER_CORE_SANDBOX_MANAGER_FIXTURE_H_

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/io.h"
#include "server/base/mutex.h"
#include "server/core/fake_host.h"
#include "server/core/floor_policy.h"
#include "server/core/sandbox_manager.h"
#include "server/store/fake_store.h"

namespace sluice {

// Nothing waits, but between Hold() and Release().
class ImpatientTimers : public Timers {
 public:
  void RunAfter(absl::Duration, std::function<void()> work) override {
    {
      const MutexLock lock(mutex_);
      if (holds_) return held_.push_back(std::move(work));
    }
    work();
  }
  void Hold() {
    const MutexLock lock(mutex_);
    holds_ = true;
  }
  // Returns how many were held.
  size_t Release() {
    std::vector<std::function<void()>> held;
    {
      const MutexLock lock(mutex_);
      holds_ = false;
      held.swap(held_);
    }
    for (const std::function<void()>& work : held) work();
    return held.size();
  }

 private:
  Mutex mutex_;
  bool holds_ GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> held_ GUARDED_BY(mutex_);
};

// A SandboxManager on a fake host with a store in memory; both outlive it, so that
// servers can come one after another.
class SandboxManagerFixture : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = absl::StrCat(testing::TempDir(), "/manager");
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    absl::StatusOr<std::unique_ptr<StateDirectory>> state = StateDirectory::Open(directory_);
    ASSERT_TRUE(state.ok()) << state.status();
    state_ = *std::move(state);
    ASSERT_TRUE(WriteFile(floor_path_, "rules: [{action: ACTION_DENY}]\n").ok());
    absl::StatusOr<std::unique_ptr<FloorPolicy>> floor = FloorPolicy::Load(floor_path_);
    ASSERT_TRUE(floor.ok()) << floor.status();
    floor_ = *std::move(floor);
    StartServer();
    manager_->Start({});
  }

  // As a server does that finds what another left.
  std::map<Sandbox::Recovery, int> StartServer() {
    StateStore::Contents contents = store_.TakeContents();
    std::vector<v1::Sandbox> live;
    for (const auto& record : contents.sandboxes) live.push_back(record.sandbox());
    audit_ = AuditArchive::Open(state_->audit(), absl::Hours(24), clock_, live);
    manager_ = std::make_unique<SandboxManager>(SandboxManager::Options{
        .workers = host_,
        .worker_ids = worker_ids_,
        .guests = host_,
        .state = *state_,
        .store = store_,
        .timers = timers_,
        .audit = *audit_,
        .clock = clock_,
        .host = host_network_,
        .block_lists = block_lists_,
        .floor = *floor_,
        .bind_port = [this](const v1::PortMapping& port) { return host_.BindPort(port); },
        .is_bound = [](const BoundPort&) { return true; }});
    return manager_->Recover(std::move(contents));
  }
  // The server ends and leaves what there is; `meanwhile` happens; another starts.
  std::map<Sandbox::Recovery, int> Restart(const std::function<void()>& meanwhile = [] {}) {
    manager_ = nullptr;
    meanwhile();
    host_.TakeSteps();
    const std::map<Sandbox::Recovery, int> outcomes = StartServer();
    manager_->Start({});
    return outcomes;
  }
  internal::v1::SandboxRecord RecordOf(const std::string& uid) {
    for (const auto& record : store_.TakeContents().sandboxes) {
      if (record.sandbox().uid() == uid) return record;
    }
    return {};
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

  absl::StatusOr<v1::Sandbox> Create(const std::string& request, const std::string& caller = "user 0") {
    const auto response = Await<v1::CreateSandboxResponse>([&](auto done) {
      manager_->Create(Parse<v1::CreateSandboxRequest>(request), caller, CancelToken(), std::move(done));
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
  absl::StatusOr<v1::Sandbox> Update(const std::string& request) {
    const auto response = Await<v1::UpdateSandboxResponse>([&](auto done) {
      manager_->Update(Parse<v1::UpdateSandboxRequest>(request), std::move(done));
    });
    if (!response.ok()) return response.status();
    return response->sandbox();
  }
  absl::StatusOr<v1::PublishPortResponse> Publish(const std::string& request, const std::string& caller = "user 0") {
    return Await<v1::PublishPortResponse>([&](auto done) {
      manager_->PublishPort(Parse<v1::PublishPortRequest>(request), caller, std::move(done));
    });
  }
  v1::Sandbox Get(const std::string& id) {
    v1::GetSandboxRequest request;
    request.set_sandbox_id(id);
    const absl::StatusOr<SandboxSnapshotPtr> sandbox = manager_->Get(request);
    return sandbox.ok() ? (*sandbox)->In(v1::SANDBOX_VIEW_FULL, v1::SANDBOX_VIEW_FULL) : v1::Sandbox();
  }
  // The operator has so many floor rules from now on, and the manager knows.
  void ChangeFloor(int rules) {
    std::string text = "rules:\n";
    for (int i = 0; i < rules; ++i) absl::StrAppend(&text, "- {action: ACTION_DENY}\n");
    ASSERT_TRUE(WriteFile(floor_path_, text).ok());
    floor_->Reload();
    manager_->OnFloorChanged();
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
      for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
    }
    return names;
  }
  void ExpectNothing() {
    EXPECT_THAT(host_.Existing(), testing::IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/sandboxes"));
    const absl::StatusOr<SandboxManager::Page> page = manager_->List({});
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_THAT(page->sandboxes, testing::IsEmpty());
  }

  FakeClock clock_;
  std::string directory_;
  std::unique_ptr<StateDirectory> state_;
  FakeStore store_;
  ImpatientTimers timers_;
  WorkerIds worker_ids_{"", ""};  // this process may not become others
  std::unique_ptr<AuditArchive> audit_;
  FakeHost host_;
  HostNetwork host_network_;  // of the next server
  BlockListStore block_lists_;  // none
  const std::string floor_path_ = absl::StrCat(testing::TempDir(), "/floor.yaml");
  std::unique_ptr<FloorPolicy> floor_;
  std::unique_ptr<SandboxManager> manager_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_SANDBOX_MANAGER_FIXTURE_H_
