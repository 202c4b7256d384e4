#include "clients/cpp/sandbox_builder.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/call.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_prefix.h"

namespace sluice::client {

SandboxBuilder& SandboxBuilder::rootfs(absl::string_view directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(std::string(directory), error);
  if (error) status_.Update(absl::InvalidArgumentError(absl::StrCat("rootfs \"", directory, "\": ", error.message())));
  oci().set_rootfs(path.lexically_normal().string());
  return *this;
}

SandboxBuilder& SandboxBuilder::args(const std::vector<std::string>& args) {
  oci().mutable_args()->Assign(args.begin(), args.end());
  return *this;
}

SandboxBuilder& SandboxBuilder::env(const std::string& name, absl::string_view value) {
  (*oci().mutable_env())[name] = std::string(value);
  return *this;
}

SandboxBuilder& SandboxBuilder::working_directory(absl::string_view directory) {
  oci().set_working_directory(std::string(directory));
  return *this;
}

SandboxBuilder& SandboxBuilder::user(absl::string_view user) {
  oci().set_user(std::string(user));
  return *this;
}

SandboxBuilder& SandboxBuilder::memory_bytes(uint64_t bytes) {
  oci().set_memory_bytes(bytes);
  return *this;
}

SandboxBuilder& SandboxBuilder::label(const std::string& key, absl::string_view value) {
  (*sandbox_.mutable_labels())[key] = std::string(value);
  return *this;
}

SandboxBuilder& SandboxBuilder::port(uint32_t host_port, uint32_t guest_port) {
  return AddPort(v1::PROTOCOL_TCP, host_port, guest_port);
}

SandboxBuilder& SandboxBuilder::port_udp(uint32_t host_port, uint32_t guest_port) {
  return AddPort(v1::PROTOCOL_UDP, host_port, guest_port);
}

SandboxBuilder& SandboxBuilder::AddPort(v1::Protocol protocol, uint32_t host_port, uint32_t guest_port) {
  v1::PortMapping& port = *sandbox_.mutable_network()->add_ports();
  port.set_protocol(protocol);
  port.set_host_port(host_port);
  port.set_guest_port(guest_port);
  return *this;
}

SandboxBuilder& SandboxBuilder::preset(v1::Preset preset) {
  policy_.preset(preset);
  return *this;
}

SandboxBuilder& SandboxBuilder::allow(absl::string_view rule) {
  policy_.allow(rule);
  return *this;
}

SandboxBuilder& SandboxBuilder::deny(absl::string_view rule) {
  policy_.deny(rule);
  return *this;
}

SandboxBuilder& SandboxBuilder::block(absl::string_view name) {
  if (IpPrefix::Parse(name).ok()) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is an address: deny() refuses it")));
  } else if (const auto pattern = DomainPattern::Parse(name); !pattern.ok()) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat("\"", name, "\": ", pattern.status().message())));
  }
  sandbox_.mutable_network()->mutable_dns()->add_blocked_domains(std::string(name));
  return *this;
}

absl::StatusOr<v1::Sandbox> SandboxBuilder::Build() const {
  if (!status_.ok()) return status_;
  absl::StatusOr<v1::NetworkPolicy> policy = policy_.Build();
  if (!policy.ok()) return policy.status();
  v1::Sandbox sandbox = sandbox_;
  *sandbox.mutable_network()->mutable_policy() = *std::move(policy);
  if (sandbox.guest().kind_case() == v1::Guest::KIND_NOT_SET) sandbox.mutable_guest()->mutable_oci();
  return sandbox;
}

absl::StatusOr<Sandbox> SandboxBuilder::Create(const std::shared_ptr<grpc::Channel>& channel) const {
  absl::StatusOr<v1::Sandbox> wanted = Build();
  if (!wanted.ok()) return wanted.status();
  v1::CreateSandboxRequest request;
  *request.mutable_sandbox() = *std::move(wanted);
  Sandbox sandbox(channel);
  const auto response =
      Call(*sandbox.sandboxes_, &v1::SandboxService::Stub::CreateSandbox, request, Sandbox::kCallTimeout);
  if (!response.ok()) return response.status();
  sandbox.id_ = response->sandbox().id();
  sandbox.owned_ = true;
  return sandbox;
}

}  // namespace sluice::client
