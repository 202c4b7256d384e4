#ifndef SLUICE_CLIENTS_CLI_CLIENT_H_
#define SLUICE_CLIENTS_CLI_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/cli/credentials.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "sluice/v1/audit_service.grpc.pb.h"
#include "sluice/v1/guest_service.grpc.pb.h"
#include "sluice/v1/sandbox_service.grpc.pb.h"

namespace sluice::cli {

inline constexpr absl::Duration kCallTimeout = absl::Seconds(30);
// Create and delete, which start and end processes.
inline constexpr absl::Duration kSlowCallTimeout = absl::Seconds(60);

// OK for "unix:PATH" and "HOST:PORT"; InvalidArgument in words otherwise.
absl::Status CheckServerAddress(absl::string_view server);

// A connection to one server. Connects with the first call. Any thread.
class Client {
 public:
  // Its address passed CheckServerAddress.
  explicit Client(const Server& server);

  v1::AuditService::Stub& audit() { return *audit_; }
  v1::GuestService::Stub& guests() { return *guests_; }

  // One call of SandboxService, such as &v1::SandboxService::Stub::GetSandbox.
  // Blocks for `timeout` at most.
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::SandboxService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                     Response*),
                    const Request& request, Response* response, absl::Duration timeout = kCallTimeout) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    return (sandboxes_.get()->*method)(&context, request, response);
  }

  // Tells a person who waits for long that it is under way.
  grpc::Status CreateSandbox(const v1::CreateSandboxRequest& request, v1::CreateSandboxResponse* response);

  // Prints "sluice: DOING: what went wrong: what to do", in one line, for a
  // call that failed. Returns kUnreachable or kRefused.
  int Fail(absl::string_view doing, const grpc::Status& status) const;
  // Does a failed call mean that no server answers?
  bool Unreachable(const grpc::Status& status) const;

 private:

  const std::string server_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  const std::unique_ptr<v1::AuditService::Stub> audit_;
  const std::unique_ptr<v1::GuestService::Stub> guests_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_CLIENT_H_
