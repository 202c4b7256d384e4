#ifndef SLUICE_CLIENTS_CLI_TESTING_FAKE_SERVER_H_
#define SLUICE_CLIENTS_CLI_TESTING_FAKE_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grpcpp/server.h"
#include "sluice/v1/audit_service.grpc.pb.h"
#include "sluice/v1/guest_service.grpc.pb.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

namespace sluice::cli {

// What a test tells the server to do, and what the server was asked. A test
// sets the first group before it runs a command and reads the second after.
struct FakeState {
  // Every call fails with it, unless it is OK.
  grpc::Status refusal;
  // Called by CreateSandbox first, outside of `mutex`.
  std::function<void()> on_create;
  // Exec answers these, and then, where `exec_waits`, nothing until the call
  // is cancelled.
  std::vector<v1::ExecResponse> exec_responses;
  bool exec_waits = false;
  // Exec reads all of its input before it answers.
  bool exec_reads_input = false;
  grpc::Status exec_status;
  std::vector<v1::StreamAuditEventsResponse> audit_responses;
  int page_size = 1000;
  // Of GetNetworkPolicy; the policy is the sandbox's.
  v1::GetNetworkPolicyResponse stats;
  v1::EvaluatePolicyResponse evaluation;

  // Of the guest, by path: what is there, what is in it, what it says. A file
  // whose content is "..." is not read to its end.
  std::map<std::string, v1::FileInfo> files;
  std::map<std::string, std::vector<v1::FileInfo>> listings;
  std::map<std::string, std::string> contents;

  std::map<std::string, v1::Sandbox> sandboxes;
  std::vector<v1::CreateSandboxRequest> creates;
  std::vector<std::string> deletes;
  std::vector<v1::SetNetworkPolicyRequest> policies;
  std::vector<v1::UpdateSandboxRequest> updates;
  std::vector<v1::EvaluatePolicyRequest> evaluations;
  std::vector<v1::PublishPortRequest> publishes;
  std::vector<v1::UnpublishPortRequest> unpublishes;
  std::vector<v1::ExecStart> execs;
  std::string exec_input;
  bool exec_input_closed = false;
  std::vector<v1::StreamAuditEventsRequest> audits;

  std::mutex mutex;  // between calls; tests read when no command runs
};

// The API of a server without anything behind it, on a Unix socket.
class FakeServer {
 public:
  // `address`: "unix:PATH". Serves until destruction.
  explicit FakeServer(const std::string& address);
  ~FakeServer();

  FakeState& state() { return state_; }

 private:
  FakeState state_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TESTING_FAKE_SERVER_H_
