#ifndef SLUICE_CLIENTS_CPP_SANDBOX_H_
#define SLUICE_CLIENTS_CPP_SANDBOX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/cpp/audit_stream.h"
#include "clients/cpp/exec.h"
#include "clients/cpp/policy.h"
#include "grpcpp/channel.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

namespace sluice::client {

// A sandbox of a server's: SandboxBuilder makes one. It is deleted when this
// object goes, unless it was detached. Any thread may call anything but Delete,
// Detach and the moves. Errors are the server's own, code and message; a call
// that the server does not answer within kCallTimeout is DeadlineExceeded.
class Sandbox {
 public:
  // Starting and ending a guest included.
  static constexpr absl::Duration kCallTimeout = absl::Seconds(60);

  // A sandbox that exists, detached. NotFound.
  //
  //   absl::StatusOr<Sandbox> web = Sandbox::Open(channel, "web");
  static absl::StatusOr<Sandbox> Open(const std::shared_ptr<grpc::Channel>& channel, const std::string& id);

  ~Sandbox();
  Sandbox(Sandbox&& other) = default;
  // What it held before is deleted, unless detached.
  Sandbox& operator=(Sandbox&& other);

  const std::string& id() const { return id_; }

  // The sandbox as it is now: state, addresses, host ports.
  //
  //   uint32_t port = sandbox.Get()->network_status().ports(0).host_port();
  absl::StatusOr<v1::Sandbox> Get() const;

  // Runs a program to its end. That it failed is a result, not an error.
  //
  //   absl::StatusOr<ExecResult> pip = sandbox.Exec({"pip", "download", "six"}, {.working_directory = "/tmp"});
  //   if (pip.ok() && !pip->ok()) std::cerr << pip->err;
  absl::StatusOr<ExecResult> Exec(const std::vector<std::string>& args, const ExecOptions& options = {}) const;

  // A file of the guest's, whole. ResourceExhausted past `max_bytes`.
  //
  //   absl::StatusOr<std::string> report = sandbox.ReadFile("/tmp/report.json");
  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{64} << 20) const;

  // Makes or replaces a file: it appears whole, or not at all.
  //
  //   absl::Status status = sandbox.WriteFile("/tmp/run.sh", "#!/bin/sh\n...", 0755);
  absl::Status WriteFile(const std::string& path, absl::string_view data, uint32_t mode = 0644) const;

  // Replaces the policy, at once and whole; open flows that it denies are ended.
  // Returns its generation.
  //
  //   sandbox.SetNetworkPolicy(Policy().allow("10.0.0.5:5432/tcp"));
  absl::StatusOr<uint64_t> SetNetworkPolicy(const Policy& policy) const;
  absl::StatusOr<uint64_t> SetNetworkPolicy(const v1::NetworkPolicy& policy) const;

  // Lets a port of the host reach the guest's. `host_port` 0: any that is free.
  // Returns the mapping with the port that was bound. AlreadyExists where it is
  // taken.
  //
  //   uint32_t port = sandbox.PublishPort(0, 80)->host_port();
  absl::StatusOr<v1::PortMapping> PublishPort(uint32_t host_port, uint32_t guest_port,
                                              v1::Protocol protocol = v1::PROTOCOL_TCP) const;
  absl::StatusOr<v1::PortMapping> PublishPort(const v1::PortMapping& port) const;
  // Closes it, and what came through it.
  //
  //   sandbox.UnpublishPort(*port);
  absl::Status UnpublishPort(const v1::PortMapping& port) const;

  // What its network did: AuditStream has an example.
  AuditStream Audit(const AuditOptions& options = {}) const;

  // Ends it now, to see how that went; gone already is well. Nothing may be
  // called but the destructor after it succeeded.
  //
  //   absl::Status status = sandbox.Delete();
  absl::Status Delete();

  // Leaves it running when this object goes; Open finds it again.
  //
  //   std::string id = sandbox.Detach();
  std::string Detach();

 private:
  friend class SandboxBuilder;

  explicit Sandbox(const std::shared_ptr<grpc::Channel>& channel);

  std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  std::unique_ptr<v1::GuestService::Stub> guests_;
  std::unique_ptr<v1::AuditService::Stub> audit_;
  std::string id_;
  bool owned_ = false;
};

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_SANDBOX_H_
