#ifndef SLUICE_TESTS_E2E_E2E_TEST_H_
#define SLUICE_TESTS_E2E_E2E_TEST_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"
#include "gtest/gtest.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/sandbox_client.h"
#include "tests/e2e/server_process.h"
#include "tests/lab/lab.h"
#include "tests/lab/sniffer.h"

namespace sluice::e2e {

// What end-to-end tests stand on: a lab and a server for the whole suite, and
// sandboxes that are deleted after each test. Everything that cannot be done
// fails the test, and returns something harmless.
class E2eTest : public testing::Test {
 protected:
  static void SetUpTestSuite();
  // For a suite whose server has other options, in its own SetUpTestSuite.
  static void StartSuite(const ServerProcess::Options& options);
  // Fails where the server does not end cleanly.
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // Another server, where one was ended; returns once it answers the client, whose
  // connection was the last one's.
  static void StartServer();

  static lab::Lab& lab() { return *lab_; }
  static ServerProcess& server() { return *server_; }
  static SandboxClient& client() { return *client_; }

  // Creates a sandbox, given in text form, and returns its id.
  std::string Create(absl::string_view sandbox);
  std::string Create(const v1::Sandbox& sandbox);
  // An OCI guest on the host's own root, with a policy in text form.
  std::string CreateOci(absl::string_view policy);
  // A directory with busybox and nothing else: the root of guests whose user is root,
  // who is refused on the host's own.
  static std::string BusyboxRoot();
  // Leaves a sandbox's deletion to the end of the test.
  void DeleteLater(const std::string& id) { created_.push_back(id); }

  static ExecResult Run(const std::string& id, const std::vector<std::string>& args,
                        absl::Duration timeout = kCallTimeout);
  // Runs a command on the lab's host.
  static lab::CommandResult RunOnHost(const std::vector<std::string>& args);

  // Sets a policy, given in text form, and returns the answer.
  static v1::SetNetworkPolicyResponse SetPolicy(const std::string& id, absl::string_view policy);
  // Updates a sandbox to what is in `sandbox` under the paths of `mask`; both in text
  // form, the sandbox without its id. An error of Update fails the test.
  static grpc::Status TryUpdate(const std::string& id, absl::string_view sandbox, absl::string_view mask,
                                v1::Sandbox* updated = nullptr);
  static v1::Sandbox Update(const std::string& id, absl::string_view sandbox, absl::string_view mask);
  // Publishes a port, given in text form, and returns the mapping.
  static v1::PortMapping Publish(const std::string& id, absl::string_view port);

  static v1::AuditEvent AwaitEvent(const std::string& id, const SandboxClient::EventPredicate& wanted);
  static std::vector<v1::AuditEvent> Events(const std::string& id);

  // The process that is a sandbox's network, and its resident memory in KiB.
  static pid_t WorkerOf(const std::string& id);
  static int64_t WorkerMemory(const std::string& id);

  static std::unique_ptr<lab::Sniffer> Sniff(lab::Sniffer::Where where);

 private:
  static lab::Lab* lab_;
  static ServerProcess* server_;
  static SandboxClient* client_;
  std::vector<std::string> created_;
};

// Events that tests look for.
SandboxClient::EventPredicate Denied(std::string address, uint32_t port, v1::Verdict::Reason reason);
SandboxClient::EventPredicate InPhase(v1::FlowEvent::Phase phase, std::string address, uint32_t port);
SandboxClient::EventPredicate DnsQuery(std::string name, v1::Verdict::Reason reason);

// How many packets of a protocol arrived at an address and port (0: any), and
// -1 where that cannot be told, which fails the test.
int Arrived(lab::Sniffer& sniffer, uint8_t protocol, absl::string_view address, uint16_t port);

}  // namespace sluice::e2e

#endif  // SLUICE_TESTS_E2E_E2E_TEST_H_
