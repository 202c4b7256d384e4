#ifndef SLUICE_CLIENTS_CPP_SANDBOX_BUILDER_H_
#define SLUICE_CLIENTS_CPP_SANDBOX_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/policy.h"
#include "clients/cpp/sandbox.h"
#include "grpcpp/channel.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::client {

// Says what a sandbox is to be, and makes it.
//
//   absl::StatusOr<Sandbox> web = SandboxBuilder("web")
//                                     .rootfs("/srv/rootfs")
//                                     .port(8080, 80)
//                                     .port_udp(5353, 53)
//                                     .allow("*.pypi.org")
//                                     .block("*.tracking.com")
//                                     .Create(channel);
//
// Without a word about the network it has PRESET_PUBLIC_ONLY: the public
// Internet, and nothing else. A value; it may make many. What is wrong with its
// words is told by Build and Create.
class SandboxBuilder {
 public:
  // Empty: the server makes an id up.
  explicit SandboxBuilder(absl::string_view id = "") { sandbox_.set_id(std::string(id)); }

  // The guest's root directory on the server's host. Left out: the host's own
  // root, read-only, under a private layer. A path that is not absolute is taken
  // from this process's working directory.
  SandboxBuilder& rootfs(absl::string_view directory);
  // The guest's first process; the sandbox stops when it ends. Left out: an idle
  // one.
  //
  //   SandboxBuilder("web").args({"python3", "-m", "http.server", "80"}).port(8080, 80)
  SandboxBuilder& args(const std::vector<std::string>& args);
  SandboxBuilder& env(const std::string& name, absl::string_view value);
  SandboxBuilder& working_directory(absl::string_view directory);
  // "uid[:gid]". Left out: an unprivileged user.
  SandboxBuilder& user(absl::string_view user);
  SandboxBuilder& memory_bytes(uint64_t bytes);
  SandboxBuilder& label(const std::string& key, absl::string_view value);

  // Lets the host's 127.0.0.1:`host_port` reach the guest's `guest_port`.
  // `host_port` 0: any that is free, told by Sandbox::Get.
  SandboxBuilder& port(uint32_t host_port, uint32_t guest_port);
  SandboxBuilder& port_udp(uint32_t host_port, uint32_t guest_port);

  // The policy, in the words of Policy: the first allow() makes it an allow
  // list, unless preset() says otherwise.
  SandboxBuilder& preset(v1::Preset preset);
  SandboxBuilder& allow(absl::string_view rule);
  SandboxBuilder& deny(absl::string_view rule);
  // A name ("example.com", or "*.example.com" with all below it) that is never
  // resolved nor spoken to (TLS, HTTP, QUIC), whatever preset and rules say, and
  // whatever policy is set later: dns.blocked_domains. An address is deny()'s.
  SandboxBuilder& block(absl::string_view name);

  // Everything that has no word here; the policy is overwritten by Build.
  //
  //   builder.proto().mutable_network()->mutable_dns()->add_block_lists("ads");
  v1::Sandbox& proto() { return sandbox_; }

  // What Create asks for. InvalidArgument quotes the first word that is wrong.
  absl::StatusOr<v1::Sandbox> Build() const;

  // Returns once the guest runs and its network enforces the policy. After
  // DeadlineExceeded or Unavailable it may run all the same: Sandbox::Open.
  absl::StatusOr<Sandbox> Create(const std::shared_ptr<grpc::Channel>& channel) const;

 private:
  v1::OciGuest& oci() { return *sandbox_.mutable_guest()->mutable_oci(); }
  SandboxBuilder& AddPort(v1::Protocol protocol, uint32_t host_port, uint32_t guest_port);

  v1::Sandbox sandbox_;
  Policy policy_;
  absl::Status status_;
};

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_SANDBOX_BUILDER_H_
