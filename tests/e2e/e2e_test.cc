#include "tests/e2e/e2e_test.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "netsvc/base/ip_address.h"

namespace sluice::e2e {

lab::Lab* E2eTest::lab_ = nullptr;
ServerProcess* E2eTest::server_ = nullptr;
SandboxClient* E2eTest::client_ = nullptr;

void E2eTest::SetUpTestSuite() { StartSuite({}); }

void E2eTest::StartSuite(const ServerProcess::Options& options) {
  auto lab = lab::Lab::Create();
  ASSERT_TRUE(lab.ok()) << lab.status();
  lab_ = lab->release();
  auto server = ServerProcess::Start(*lab_, options);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = server->release();
  client_ = new SandboxClient(server_->unix_address());
}

void E2eTest::StartServer() {
  const absl::Status started = server_->Restart();
  ASSERT_TRUE(started.ok()) << started;
  const absl::Time deadline = absl::Now() + kEventTimeout;
  while (true) {
    grpc::ClientContext context;
    SetTimeout(kEventTimeout, context);
    context.set_wait_for_ready(true);
    v1::ListSandboxesResponse response;
    const grpc::Status answered = client_->sandboxes().ListSandboxes(&context, {}, &response);
    if (answered.ok()) return;
    ASSERT_LT(absl::Now(), deadline) << answered.error_message();
  }
}

void E2eTest::TearDownTestSuite() {
  delete std::exchange(client_, nullptr);
  if (server_ != nullptr) {
    EXPECT_TRUE(server_->Stop().ok());
  }
  delete std::exchange(server_, nullptr);
  delete std::exchange(lab_, nullptr);
}

void E2eTest::SetUp() { ASSERT_NE(client_, nullptr) << "no server"; }

void E2eTest::TearDown() {
  for (const std::string& id : created_) {
    const absl::Status status = client_->Delete(id);
    EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << id << ": " << status;
  }
}

std::string E2eTest::Create(const v1::Sandbox& sandbox) {
  const absl::StatusOr<v1::Sandbox> created = client_->Create(sandbox);
  EXPECT_TRUE(created.ok()) << created.status();
  if (!created.ok()) return "";
  DeleteLater(created->id());
  EXPECT_EQ(created->state(), v1::Sandbox::STATE_RUNNING) << created->state_message();
  return created->id();
}

std::string E2eTest::Create(absl::string_view sandbox) { return Create(Proto<v1::Sandbox>(sandbox)); }

std::string E2eTest::CreateOci(absl::string_view policy) {
  return Create(absl::StrCat("guest { oci {} } network { policy { ", policy, " } }"));
}

ExecResult E2eTest::Run(const std::string& id, const std::vector<std::string>& args, absl::Duration timeout) {
  absl::StatusOr<ExecResult> result = RunInGuest(*client_, id, args, timeout);
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << absl::StrJoin(args, " ") << ": " << result.status();
  return {.code = -1, .out = "", .err = ""};
}

lab::CommandResult E2eTest::RunOnHost(const std::vector<std::string>& args) {
  absl::StatusOr<lab::CommandResult> result = lab_->RunInHost(args);
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << absl::StrJoin(args, " ") << ": " << result.status();
  return {.exit_code = -1, .out = "", .err = ""};
}

std::string E2eTest::BusyboxRoot() {
  const std::string root = lab_->Path("rootfs");
  const lab::CommandResult made =
      RunOnHost({"sh", "-e", "-c",
                 "mkdir -p $0/bin; for name in $(busybox --list); do ln -sf busybox $0/bin/$name; done;"
                 "cp --remove-destination /bin/busybox $0/bin/",
                 root});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return root;
}

v1::SetNetworkPolicyResponse E2eTest::SetPolicy(const std::string& id, absl::string_view policy) {
  v1::SetNetworkPolicyRequest request;
  request.set_sandbox_id(id);
  ParseProto(policy, *request.mutable_policy());
  const absl::StatusOr<v1::SetNetworkPolicyResponse> response = client_->SetPolicy(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.value_or(v1::SetNetworkPolicyResponse());
}

grpc::Status E2eTest::TryUpdate(const std::string& id, absl::string_view sandbox, absl::string_view mask,
                                v1::Sandbox* updated) {
  v1::UpdateSandboxRequest request;
  ParseProto(absl::StrCat("sandbox { ", sandbox, " } update_mask { ", mask, " }"), request);
  request.mutable_sandbox()->set_id(id);
  v1::UpdateSandboxResponse response;
  grpc::ClientContext context;
  SetTimeout(kCallTimeout, context);
  const grpc::Status status = client_->sandboxes().UpdateSandbox(&context, request, &response);
  if (updated != nullptr) *updated = response.sandbox();
  return status;
}

v1::Sandbox E2eTest::Update(const std::string& id, absl::string_view sandbox, absl::string_view mask) {
  v1::Sandbox updated;
  const grpc::Status status = TryUpdate(id, sandbox, mask, &updated);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return updated;
}

v1::PortMapping E2eTest::Publish(const std::string& id, absl::string_view port) {
  const absl::StatusOr<v1::PortMapping> published = client_->Publish(id, Proto<v1::PortMapping>(port));
  EXPECT_TRUE(published.ok()) << published.status();
  return published.value_or(v1::PortMapping());
}

v1::AuditEvent E2eTest::AwaitEvent(const std::string& id, const SandboxClient::EventPredicate& wanted) {
  const absl::StatusOr<v1::AuditEvent> event = client_->AwaitEvent(id, wanted);
  EXPECT_TRUE(event.ok()) << event.status();
  return event.value_or(v1::AuditEvent());
}

std::vector<v1::AuditEvent> E2eTest::Events(const std::string& id) {
  const absl::StatusOr<std::vector<v1::AuditEvent>> events = client_->Events(id);
  EXPECT_TRUE(events.ok()) << events.status();
  return events.value_or(std::vector<v1::AuditEvent>());
}

pid_t E2eTest::WorkerOf(const std::string& id) {
  const absl::StatusOr<v1::Sandbox> sandbox = client().Get(id);
  EXPECT_TRUE(sandbox.ok()) << sandbox.status();
  std::ifstream note(absl::StrCat(server().state_dir(), "/sandboxes/", sandbox.value_or(v1::Sandbox()).uid(), "/worker.pid"));
  pid_t pid = 0;
  EXPECT_TRUE(note >> pid);
  return pid;
}

int64_t E2eTest::WorkerMemory(const std::string& id) {
  std::ifstream status(absl::StrCat("/proc/", WorkerOf(id), "/status"));
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes;
  }
  ADD_FAILURE() << "the worker of " << id << " is gone";
  return 0;
}

std::unique_ptr<lab::Sniffer> E2eTest::Sniff(lab::Sniffer::Where where) {
  absl::StatusOr<std::unique_ptr<lab::Sniffer>> sniffer = lab::Sniffer::Create(*lab_, where);
  EXPECT_TRUE(sniffer.ok()) << sniffer.status();
  return sniffer.ok() ? *std::move(sniffer) : nullptr;
}

SandboxClient::EventPredicate InPhase(v1::FlowEvent::Phase phase, std::string address, uint32_t port) {
  return [phase, address = std::move(address), port](const v1::AuditEvent& event) {
    return event.flow().phase() == phase && event.flow().remote().address() == address &&
           event.flow().remote().port() == port;
  };
}

SandboxClient::EventPredicate Denied(std::string address, uint32_t port, v1::Verdict::Reason reason) {
  return [denied = InPhase(v1::FlowEvent::PHASE_DENIED, std::move(address), port), reason](const v1::AuditEvent& event) {
    return denied(event) && event.flow().verdict().action() == v1::ACTION_DENY &&
           event.flow().verdict().reason() == reason;
  };
}

SandboxClient::EventPredicate DnsQuery(std::string name, v1::Verdict::Reason reason) {
  return [name = std::move(name), reason](const v1::AuditEvent& event) {
    return event.has_dns() && event.dns().name() == name && event.dns().verdict().reason() == reason;
  };
}

int Arrived(lab::Sniffer& sniffer, uint8_t protocol, absl::string_view address, uint16_t port) {
  lab::Sniffer::Match match;
  match.protocol = protocol;
  match.destination = IpAddress::Parse(address);
  if (port != 0) match.port = port;
  const absl::StatusOr<int> count = sniffer.Count(match);
  EXPECT_TRUE(count.ok()) << count.status();
  return count.value_or(-1);
}

}  // namespace sluice::e2e
