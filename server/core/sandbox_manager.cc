#include "server/core/sandbox_manager.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/message.h"
#include "server/core/host_evaluation.h"
#include "server/core/network_stats.h"
#include "server/core/page_token.h"
#include "server/core/countdown.h"
#include "server/core/request_validation.h"
#include "server/core/sandbox_update.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

// Equal messages are equal bytes: maps have no order of their own.
std::string Canonical(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

absl::Status TooBusy() { return absl::ResourceExhaustedError("the server has too much to do; try again"); }

}  // namespace

SandboxManager::SandboxManager(Options options)
    : requests_(options.clock),
      registry_(std::move(options.host), std::move(options.limits)),
      environment_{.executor = executor_,
                   .workers = options.workers,
                   .worker_ids = options.worker_ids,
                   .guests = options.guests,
                   .bind_port = std::move(options.bind_port),
                   .is_bound = std::move(options.is_bound),
                   .state = options.state,
                   .store = options.store,
                   .timers = options.timers,
                   .audit = options.audit,
                   .totals = totals_,
                   .feed = feed_,
                   .block_lists = options.block_lists,
                   .floor = options.floor,
                   .clock = options.clock},
      executor_(kThreads) {}

SandboxManager::~SandboxManager() { Stop(Ending::kLeave); }

std::map<Sandbox::Recovery, int> SandboxManager::Recover(StateStore::Contents contents) {
  requests_.Load(contents.requests);
  std::vector<std::shared_ptr<Sandbox>> sandboxes;
  for (internal::v1::SandboxRecord& record : contents.sandboxes) {
    sandboxes.push_back(registry_.Restore(environment_, std::move(record)));
  }
  Mutex mutex;
  std::map<Sandbox::Recovery, int> outcomes;
  Countdown left(sandboxes.size());
  for (const std::shared_ptr<Sandbox>& sandbox : sandboxes) {
    sandbox->strand().Post([&, sandbox] {
      const Sandbox::Recovered recovered = sandbox->Recover();
      if (sandbox->gone()) registry_.Forget(*sandbox);
      const bool failed = recovered.what == Sandbox::Recovery::kFailed;
      spdlog::log(failed ? spdlog::level::err : spdlog::level::info, "sandbox {}: {}", sandbox->id(), recovered.words);
      {
        const MutexLock lock(mutex);
        ++outcomes[recovered.what];
      }
      left.Down();
    });
  }
  left.Wait();
  const MutexLock lock(mutex);
  return outcomes;
}

void SandboxManager::Start(std::vector<Endpoint> control_plane) {
  for (const std::shared_ptr<Sandbox>& sandbox : registry_.Open(control_plane)) {
    sandbox->strand().Post([sandbox, control_plane] { sandbox->SetControlPlane(control_plane); });
  }
}

void SandboxManager::Stop(Ending ending) {
  registry_.Close();
  const std::vector<std::shared_ptr<Sandbox>> sandboxes = registry_.All();
  Countdown left(sandboxes.size());
  for (const std::shared_ptr<Sandbox>& sandbox : sandboxes) {
    sandbox->CancelCreation();
    sandbox->strand().Post([this, ending, sandbox, &left] {
      if (ending == Ending::kLeave) {
        sandbox->Leave();
      } else if (sandbox->TearDown().ok()) {
        registry_.Forget(*sandbox);
      }
      left.Down();
    });
  }
  left.Wait();
  feed_.EndWatches(absl::UnavailableError("the server is stopping"));
}

template <typename T>
void SandboxManager::Submit(const Done<T>& done, std::function<void()> work) {
  if (!executor_.TryRun(std::move(work))) done(TooBusy());
}

template <typename T>
void SandboxManager::OnSandbox(const std::string& id, const Done<T>& done, std::function<void(Sandbox&)> work) {
  const absl::StatusOr<std::shared_ptr<Sandbox>> sandbox = registry_.Find(id);
  if (!sandbox.ok()) return done(sandbox.status());
  const bool posted = (*sandbox)->strand().TryPost([sandbox = *sandbox, work = std::move(work)] { work(*sandbox); });
  if (!posted) done(TooBusy());
}

template <typename Request, typename T>
void SandboxManager::Once(const std::string& key, const Request& request, Done<T> done,
                          std::function<void(Done<T>, const RequestName&)> work) {
  if (request.request_id().empty()) return work(std::move(done), {});
  requests_.Run(
      key, Canonical(request),
      [done = std::move(done)](const absl::StatusOr<std::string>& response) {
        T message;
        if (!response.ok()) return done(response.status());
        message.ParseFromString(*response);
        done(std::move(message));
      },
      [&work](RequestCache::Done finish, const RequestName& name) {
        work(
            [finish = std::move(finish)](absl::StatusOr<T> response) {
              finish(response.ok() ? absl::StatusOr<std::string>(response->SerializeAsString()) : response.status());
            },
            name);
      });
}

void SandboxManager::Create(v1::CreateSandboxRequest request, const std::string& caller, const CancelToken& cancel,
                            Done<v1::CreateSandboxResponse> done) {
  Submit(done, [this, request = std::move(request), caller, cancel, done] {
    const absl::StatusOr<v1::Sandbox> spec = CheckCreate(request);
    if (!spec.ok()) return done(spec.status());
    Once<v1::CreateSandboxRequest, v1::CreateSandboxResponse>(
        RequestCache::Key("CreateSandbox", caller, request.request_id()), request, done,
        [&](Done<v1::CreateSandboxResponse> first, const RequestName& name) {
          CreateChecked(*spec, cancel, std::move(first), name);
        });
  });
}

void SandboxManager::CreateChecked(v1::Sandbox spec, const CancelToken& cancel,
                                   Done<v1::CreateSandboxResponse> done, const RequestName& request) {
  const absl::StatusOr<std::shared_ptr<Sandbox>> reserved =
      registry_.Reserve(environment_, std::move(spec), cancel);
  if (!reserved.ok()) return done(reserved.status());
  (*reserved)->strand().Post([this, sandbox = *reserved, done = std::move(done), request] {
    absl::StatusOr<v1::Sandbox> running = sandbox->BringUp(request);
    if (!running.ok()) {
      if (sandbox->gone()) registry_.Forget(*sandbox);
      return done(running.status());
    }
    v1::CreateSandboxResponse response;
    *response.mutable_sandbox() = *std::move(running);
    done(std::move(response));
  });
}

void SandboxManager::Delete(const v1::DeleteSandboxRequest& request, Done<v1::DeleteSandboxResponse> done) {
  const absl::Status checked = CheckDelete(request);
  if (!checked.ok()) return done(checked);
  if (const auto sandbox = registry_.Find(request.sandbox_id()); sandbox.ok()) (*sandbox)->CancelCreation();
  OnSandbox(request.sandbox_id(), done, [this, done](Sandbox& sandbox) {
    const absl::Status status = sandbox.TearDown();
    if (!status.ok()) return done(status);
    registry_.Forget(sandbox);
    done(v1::DeleteSandboxResponse());
  });
}

void SandboxManager::Update(v1::UpdateSandboxRequest request, Done<v1::UpdateSandboxResponse> done) {
  const absl::Status checked = CheckUpdate(request);
  if (!checked.ok()) return done(checked);
  const std::string id = request.sandbox().id();
  OnSandbox(id, done, [request = std::move(request), done](Sandbox& sandbox) {
    absl::StatusOr<v1::Sandbox> updated = sandbox.Update(request);
    if (!updated.ok()) return done(updated.status());
    v1::UpdateSandboxResponse response;
    *response.mutable_sandbox() = *std::move(updated);
    done(std::move(response));
  });
}

void SandboxManager::PublishPort(v1::PublishPortRequest request, const std::string& caller,
                                 Done<v1::PublishPortResponse> done) {
  const absl::StatusOr<v1::PortMapping> port = CheckPublish(request);
  if (!port.ok()) return done(port.status());
  Once<v1::PublishPortRequest, v1::PublishPortResponse>(
      RequestCache::Key("PublishPort", caller, request.request_id()), request, std::move(done),
      [&](Done<v1::PublishPortResponse> first, const RequestName& name) {
        OnSandbox(request.sandbox_id(), first, [port = *port, first, name](Sandbox& sandbox) {
          absl::StatusOr<v1::PortMapping> bound = sandbox.PublishPort(port, name);
          if (!bound.ok()) return first(bound.status());
          v1::PublishPortResponse response;
          *response.mutable_port() = *std::move(bound);
          first(std::move(response));
        });
      });
}

void SandboxManager::UnpublishPort(v1::UnpublishPortRequest request, Done<v1::UnpublishPortResponse> done) {
  const absl::StatusOr<v1::PortMapping> name = CheckUnpublish(request);
  if (!name.ok()) return done(name.status());
  OnSandbox(request.sandbox_id(), done, [name = *name, done](Sandbox& sandbox) {
    const absl::StatusOr<uint64_t> flows_closed = sandbox.UnpublishPort(name);
    if (!flows_closed.ok()) return done(flows_closed.status());
    v1::UnpublishPortResponse response;
    response.set_flows_closed(*flows_closed);
    done(std::move(response));
  });
}

void SandboxManager::SetNetworkPolicy(v1::SetNetworkPolicyRequest request, Done<v1::SetNetworkPolicyResponse> done) {
  // On a thread of the manager's: a policy may have 65,536 rules to check.
  Submit(done, [this, request = std::move(request), done] {
    absl::StatusOr<v1::NetworkPolicy> policy = CheckSetPolicy(request);
    if (!policy.ok()) return done(policy.status());
    const Sandbox::PolicyChange change = {.policy = *std::move(policy),
                                          .expected_generation = request.expected_generation(),
                                          .keep_open_flows = request.keep_open_flows()};
    OnSandbox(request.sandbox_id(), done, [change, done](Sandbox& sandbox) {
      const absl::StatusOr<Sandbox::PolicyOutcome> outcome = sandbox.SetPolicy(change);
      if (!outcome.ok()) return done(outcome.status());
      v1::SetNetworkPolicyResponse response;
      response.set_policy_generation(outcome->generation);
      response.set_flows_closed(outcome->flows_closed);
      done(std::move(response));
    });
  });
}

void SandboxManager::GetNetworkPolicy(const v1::GetNetworkPolicyRequest& request,
                                      Done<v1::GetNetworkPolicyResponse> done) {
  const absl::Status checked = CheckGetPolicy(request);
  if (!checked.ok()) return done(checked);
  OnSandbox(request.sandbox_id(), done, [with_stats = request.include_stats(), done](Sandbox& sandbox) {
    absl::StatusOr<Sandbox::PolicyState> state = sandbox.GetPolicy(with_stats);
    if (!state.ok()) return done(state.status());
    v1::GetNetworkPolicyResponse response;
    *response.mutable_policy() = std::move(state->policy);
    response.set_policy_generation(state->generation);
    *response.mutable_rule_stats() = std::move(*state->stats.mutable_rule_stats());
    if (state->stats.has_since()) *response.mutable_stats_since() = state->stats.since();
    done(std::move(response));
  });
}

void SandboxManager::EvaluatePolicy(v1::EvaluatePolicyRequest request, Done<v1::EvaluatePolicyResponse> done) {
  const auto finish = [done](absl::StatusOr<internal::v1::EvaluateResult> result) {
    if (!result.ok()) return done(result.status());
    v1::EvaluatePolicyResponse response;
    *response.mutable_verdict() = std::move(*result->mutable_verdict());
    response.set_remote_group(result->remote_group());
    done(std::move(response));
  };
  // On a thread of the manager's, as SetNetworkPolicy.
  Submit(done, [this, request = std::move(request), done, finish] {
    absl::StatusOr<internal::v1::Evaluate> question = CheckEvaluate(request);
    if (!question.ok()) return done(question.status());
    if (request.sandbox_id().empty()) return finish(EvaluateOnHost(*question, registry_.host(), *environment_.floor.Get()));
    OnSandbox(request.sandbox_id(), done,
              [question = *std::move(question), finish](Sandbox& sandbox) { finish(sandbox.Evaluate(question)); });
  });
}

void SandboxManager::GetNetworkStats(const v1::GetNetworkStatsRequest& request,
                                     Done<v1::GetNetworkStatsResponse> done) {
  const absl::Status checked = CheckGetStats(request);
  if (!checked.ok()) return done(checked);
  OnSandbox(request.sandbox_id(), done, [max_remotes = request.max_remotes(), done](Sandbox& sandbox) {
    const absl::StatusOr<internal::v1::StatsResult> stats = sandbox.GetStats(max_remotes);
    if (!stats.ok()) return done(stats.status());
    done(ToNetworkStats(*stats));
  });
}

void SandboxManager::StartCapture(const v1::CapturePacketsRequest& request, Done<UniqueFd> done) {
  internal::v1::StartCapture capture;
  capture.set_snapshot_bytes(request.snapshot_bytes());
  capture.set_denied_only(request.denied_only());
  OnSandbox(request.sandbox_id(), done, [capture, done](Sandbox& sandbox) { done(sandbox.StartCapture(capture)); });
}

absl::StatusOr<SandboxSnapshotPtr> SandboxManager::Get(const v1::GetSandboxRequest& request) const {
  const absl::Status checked = CheckGet(request);
  if (!checked.ok()) return checked;
  SandboxSnapshotPtr sandbox = feed_.Get(request.sandbox_id());
  if (sandbox == nullptr) return absl::NotFoundError(absl::StrCat("there is no sandbox ", request.sandbox_id()));
  return sandbox;
}

std::map<v1::Sandbox::State, size_t> SandboxManager::CountByState() const {
  std::map<v1::Sandbox::State, size_t> counts;
  for (const SandboxSnapshotPtr& sandbox : feed_.List({}, "", SandboxLimits::kMost)) {
    ++counts[sandbox->basic().state()];
  }
  return counts;
}

absl::StatusOr<SandboxManager::Page> SandboxManager::List(const v1::ListSandboxesRequest& request,
                                                        const Labels& scope) const {
  const absl::Status checked = CheckList(request);
  if (!checked.ok()) return checked;
  const absl::StatusOr<std::string> after = DecodePageToken("page_token", request.page_token());
  if (!after.ok()) return after.status();
  const size_t size = static_cast<size_t>(request.page_size() == 0 ? kDefaultPageSize : request.page_size());
  Page page{.sandboxes = feed_.List(request.labels(), *after, size + 1, scope), .next_page_token = ""};
  if (page.sandboxes.size() > size) {
    page.sandboxes.pop_back();
    page.next_page_token = EncodePageToken(page.sandboxes.back()->basic().id());
  }
  return page;
}

absl::StatusOr<std::shared_ptr<ChangeWatcher>> SandboxManager::Watch(const v1::WatchSandboxesRequest& request,
                                                                     std::function<void()> on_ready,
                                                                     const Labels& scope) {
  const absl::Status checked = CheckWatch(request);
  if (!checked.ok()) return checked;
  return feed_.Watch(request.labels(), std::move(on_ready), scope);
}

absl::StatusOr<std::shared_ptr<Guest>> SandboxManager::FindGuest(const std::string& sandbox_id) const {
  const absl::StatusOr<std::shared_ptr<Sandbox>> sandbox = registry_.Find(sandbox_id);
  if (!sandbox.ok()) return sandbox.status();
  return (*sandbox)->RunningGuest();
}

void SandboxManager::SetHostNameservers(const std::vector<Endpoint>& nameservers) {
  for (const std::shared_ptr<Sandbox>& sandbox : registry_.SetNameservers(nameservers)) {
    sandbox->strand().Post([sandbox, nameservers] { sandbox->SetNameservers(nameservers); });
  }
}

void SandboxManager::OnBlockListChanged(const std::string& name) {
  for (const std::shared_ptr<Sandbox>& sandbox : registry_.All()) {
    sandbox->strand().Post([sandbox, name] { sandbox->OnBlockListChanged(name); });
  }
}

void SandboxManager::OnFloorChanged() {
  for (const std::shared_ptr<Sandbox>& sandbox : registry_.All()) {
    sandbox->strand().Post([sandbox] { sandbox->OnFloorChanged(); });
  }
}

}  // namespace sluice
