// What deploy/quickstart.sh shows, from C++:
//
//   quickstart SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]
//
// makes a sandbox with the default policy, fetches from inside it, changes the
// policy under it, reaches it through a published port, and reads back what
// happened.

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/channel.h"
#include "clients/cpp/sandbox_builder.h"

namespace {

using sluice::client::AuditStream;
using sluice::client::ExecResult;
using sluice::client::Policy;
using sluice::client::Sandbox;
using sluice::client::SandboxBuilder;
namespace v1 = sluice::v1;

constexpr char kFile[] = "/tmp/hello.txt";

// Fetches from inside the sandbox, and says how that went.
absl::Status Fetch(const Sandbox& sandbox, const std::string& url) {
  const absl::StatusOr<ExecResult> curl =
      sandbox.Exec({"curl", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "10", url});
  if (!curl.ok()) return curl.status();
  std::cout << (curl->ok() ? "reached " : "refused ") << url << "\n" << curl->err;
  return absl::OkStatus();
}

// Fetches kFile from outside, once the guest's server listens.
absl::Status FetchFromHost(const Sandbox& sandbox) {
  const absl::StatusOr<ExecResult> ready = sandbox.Exec(
      {"curl", "--silent", "--retry", "10", "--retry-connrefused", "http://127.0.0.1:8000/hello.txt"});
  if (!ready.ok()) return ready.status();
  const absl::StatusOr<v1::Sandbox> now = sandbox.Get();
  if (!now.ok()) return now.status();
  const std::string port = std::to_string(now->network_status().ports(0).host_port());
  std::cout << "published port " << port << std::endl;
  if (std::system(("curl --silent http://127.0.0.1:" + port + "/hello.txt").c_str()) == 0) return absl::OkStatus();
  return absl::InternalError("the published port does not answer");
}

absl::Status PrintFlows(const Sandbox& sandbox) {
  AuditStream audit = sandbox.Audit();
  while (const v1::StreamAuditEventsResponse* item = audit.Next()) {
    const v1::FlowEvent& flow = item->event().flow();
    if (flow.phase() != v1::FlowEvent::PHASE_OPENED && flow.phase() != v1::FlowEvent::PHASE_DENIED) continue;
    std::cout << v1::Action_Name(flow.verdict().action()) << " " << flow.remote().address() << ":"
              << flow.remote().port() << ", by " << flow.verdict().rule_id() << "\n";
  }
  return audit.Finish();
}

absl::Status Run(const std::string& server, const std::string& public_url, const std::string& private_peer) {
  absl::StatusOr<Sandbox> sandbox = SandboxBuilder()
                                        .args({"python3", "-m", "http.server", "8000", "--directory", "/tmp"})
                                        .port(0, 8000)
                                        .Create(sluice::client::Connect(server));
  if (!sandbox.ok()) return sandbox.status();

  const std::string private_url = "http://" + private_peer + "/";
  absl::Status status = Fetch(*sandbox, public_url);
  status.Update(Fetch(*sandbox, private_url));

  const Policy policy = Policy().preset(v1::PRESET_PUBLIC_ONLY).allow(private_peer);
  status.Update(sandbox->SetNetworkPolicy(policy).status());
  status.Update(Fetch(*sandbox, private_url));

  status.Update(sandbox->WriteFile(kFile, "hello from inside the sandbox\n"));
  status.Update(FetchFromHost(*sandbox));
  status.Update(PrintFlows(*sandbox));
  status.Update(sandbox->Delete());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: quickstart SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]\n";
    return 2;
  }
  const absl::Status status =
      Run(argv[1], argc > 2 ? argv[2] : "http://example.com/", argc > 3 ? argv[3] : "10.1.2.3:80");
  if (!status.ok()) std::cerr << "quickstart: " << status << "\n";
  return status.ok() ? 0 : 1;
}
