#include "server/listeners.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <list>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/worker/unix_socket.h"

namespace sluice {
namespace {

// A policy of 65,536 rules, and lists of names beside it.
constexpr int kMaxReceiveBytes = 64 << 20;

// Makes way for a Unix socket, where what stands there is one that nobody
// answers at.
absl::Status ClearSocketPath(const std::string& path) {
  const std::filesystem::path parts(path);
  std::error_code error;
  if (!std::filesystem::is_socket(path, error)) return absl::OkStatus();
  const std::string directory = parts.has_parent_path() ? parts.parent_path().string() : ".";
  if (ConnectUnix(directory, parts.filename()).ok()) {
    return absl::FailedPreconditionError(absl::StrCat("somebody listens at ", path, " already"));
  }
  unlink(path.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Listeners> Listen(const ServerOptions& options, const std::vector<grpc::Service*>& services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  for (grpc::Service* service : services) builder.RegisterService(service);
  for (const std::string& path : options.unix_sockets) {
    if (absl::Status clear = ClearSocketPath(path); !clear.ok()) return clear;
    builder.AddListeningPort(absl::StrCat("unix:", path), grpc::InsecureServerCredentials());
  }
  std::list<int> ports;
  for (const Endpoint& endpoint : options.tcp_endpoints) {
    builder.AddListeningPort(endpoint.ToString(), grpc::InsecureServerCredentials(), &ports.emplace_back(0));
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  Listeners listeners;
  // The sockets are nobody else's from the moment they stand.
  const mode_t mask = umask(0177);
  listeners.server = builder.BuildAndStart();
  umask(mask);
  if (listeners.server == nullptr) return absl::FailedPreconditionError("one of the --listen addresses is in use");
  std::vector<std::string> names;
  for (const std::string& path : options.unix_sockets) names.push_back(absl::StrCat("unix:", path));
  auto port = ports.begin();
  for (const Endpoint& endpoint : options.tcp_endpoints) {
    listeners.tcp.push_back({endpoint.address, static_cast<uint16_t>(*port++)});
    names.push_back(listeners.tcp.back().ToString());
  }
  listeners.description = absl::StrJoin(names, ", ");
  return listeners;
}

}  // namespace sluice
