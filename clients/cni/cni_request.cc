#include "clients/cni/cni_request.h"

#include <openssl/sha.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "clients/cli/client.h"
#include "google/protobuf/util/json_util.h"

namespace sluice::cni {
namespace {

using nlohmann::json;

constexpr char kDefaultServer[] = "unix:/run/sluice/sluice.sock";

std::string StringOf(const json& object, const char* name, const char* otherwise = "") {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

std::optional<Command> ParseCommand(const std::string& word) {
  static constexpr std::pair<const char*, Command> kCommands[] = {
      {"ADD", Command::kAdd}, {"DEL", Command::kDel},       {"CHECK", Command::kCheck},
      {"GC", Command::kGc},   {"STATUS", Command::kStatus}, {"VERSION", Command::kVersion}};
  for (const auto& [name, command] : kCommands) {
    if (word == name) return command;
  }
  return std::nullopt;
}

// The specification's own grammar, which keeps paths out.
bool IsContainerId(const std::string& id) {
  return !id.empty() && absl::ascii_isalnum(id.front()) && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
  });
}

std::optional<Error> ReadEnvironment(const std::function<std::string(const char*)>& environment, Request& request) {
  const auto missing = [](const char* name) { return Error{ErrorCode::kInvalidEnvironment, absl::StrCat(name, " is not set, or not what it can be")}; };
  const std::optional<Command> command = ParseCommand(environment("CNI_COMMAND"));
  if (!command) return missing("CNI_COMMAND");
  request.command = *command;
  request.container_id = environment("CNI_CONTAINERID");
  request.netns = environment("CNI_NETNS");
  request.interface_name = environment("CNI_IFNAME");
  const bool of_attachment = *command == Command::kAdd || *command == Command::kDel || *command == Command::kCheck;
  if (!of_attachment) return std::nullopt;
  if (!IsContainerId(request.container_id)) return missing("CNI_CONTAINERID");
  if (request.interface_name.empty()) return missing("CNI_IFNAME");
  if (request.netns.empty() && *command != Command::kDel) return missing("CNI_NETNS");
  return std::nullopt;
}

std::optional<Error> ReadPorts(const json& config, Request& request) {
  const auto invalid = [] { return Error{ErrorCode::kInvalidConfig, "runtimeConfig.portMappings is not a list of ports"}; };
  const auto runtime = config.find("runtimeConfig");
  if (runtime == config.end() || !runtime->is_object()) return std::nullopt;
  const auto mappings = runtime->find("portMappings");
  if (mappings == runtime->end() || mappings->is_null()) return std::nullopt;
  if (!mappings->is_array()) return invalid();
  for (const json& mapping : *mappings) {
    v1::PortMapping& port = request.ports.emplace_back();
    for (const auto& [name, set] : {std::pair("hostPort", &v1::PortMapping::set_host_port),
                                    std::pair("containerPort", &v1::PortMapping::set_guest_port)}) {
      const auto number = mapping.is_object() ? mapping.find(name) : mapping.end();
      if (number == mapping.end() || !number->is_number_unsigned() || number->get<uint64_t>() > 65'535) return invalid();
      (port.*set)(number->get<uint32_t>());
    }
    const std::string protocol = absl::AsciiStrToLower(StringOf(mapping, "protocol", "tcp"));
    if (protocol != "tcp" && protocol != "udp") return Error{ErrorCode::kInvalidConfig, absl::StrCat("ports of ", protocol, " cannot be published")};
    port.set_protocol(protocol == "udp" ? v1::PROTOCOL_UDP : v1::PROTOCOL_TCP);
    // The convention's "every address", where a sandbox's default is loopback.
    port.set_host_address(StringOf(mapping, "hostIP", ""));
    if (port.host_address().empty()) port.set_host_address("0.0.0.0");
  }
  return std::nullopt;
}

std::optional<Error> ReadPolicy(const json& config, Request& request) {
  const auto policy = config.find("policy");
  if (policy == config.end()) return std::nullopt;
  const auto status = google::protobuf::util::JsonStringToMessage(policy->dump(), &request.policy);
  if (status.ok()) return std::nullopt;
  return Error{ErrorCode::kInvalidConfig, "policy is not a sluice.v1.NetworkPolicy", std::string(status.message())};
}

std::optional<Error> ReadAttachments(const json& config, Request& request) {
  const auto attachments = config.find("cni.dev/valid-attachments");
  if (attachments == config.end() || !attachments->is_array()) {
    return Error{ErrorCode::kInvalidConfig, "cni.dev/valid-attachments is missing"};
  }
  for (const json& attachment : *attachments) {
    if (!attachment.is_object()) return Error{ErrorCode::kInvalidConfig, "cni.dev/valid-attachments has what is none"};
    request.valid_sandboxes.push_back(
        Request::SandboxId(request.network_name, StringOf(attachment, "containerID"), StringOf(attachment, "ifname")));
  }
  return std::nullopt;
}

std::optional<Error> ReadConfig(const std::string& input, Request& request) {
  const json config = json::parse(input, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) return Error{ErrorCode::kDecode, "standard input is not a JSON object"};
  request.version = StringOf(config, "cniVersion", "0.1.0");
  const bool known = std::find(std::begin(kVersions), std::end(kVersions), request.version) != std::end(kVersions);
  if (request.command == Command::kVersion) return std::nullopt;
  if (!known) {
    return Error{ErrorCode::kIncompatibleVersion, absl::StrCat("CNI ", request.version, " is not spoken here"),
                 absl::StrCat("versions from ", kVersions[0], " to ", *std::rbegin(kVersions))};
  }
  request.network_name = StringOf(config, "name");
  if (!IsContainerId(request.network_name)) return Error{ErrorCode::kInvalidConfig, "name is not a network's name"};
  request.server = StringOf(config, "server", kDefaultServer);
  if (const absl::Status status = cli::CheckServerAddress(request.server); !status.ok()) {
    return Error{ErrorCode::kInvalidConfig, "server is not an address", std::string(status.message())};
  }
  if (const auto previous = config.find("prevResult"); previous != config.end()) request.previous_result = *previous;
  if (request.command == Command::kCheck && !request.previous_result.is_object()) {
    return Error{ErrorCode::kInvalidConfig, "prevResult, which CHECK compares, is missing"};
  }
  std::optional<Error> error = ReadPolicy(config, request);
  if (!error) error = ReadPorts(config, request);
  if (!error && request.command == Command::kGc) error = ReadAttachments(config, request);
  return error;
}

}  // namespace

std::string Request::SandboxId(const std::string& network, const std::string& container, const std::string& interface) {
  // No name has a slash in it.
  const std::string attachment = absl::StrCat(network, "/", container, "/", interface);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(attachment.data()), attachment.size(), digest);
  constexpr size_t kBytes = 16;
  return absl::StrCat("cni-", absl::BytesToHexString({reinterpret_cast<const char*>(digest), kBytes}));
}

std::variant<Request, Error> ParseRequest(const std::function<std::string(const char*)>& environment,
                                          const std::string& input) {
  Request request;
  std::optional<Error> error = ReadEnvironment(environment, request);
  if (!error) error = ReadConfig(input, request);
  if (error) return *std::move(error);
  return request;
}

}  // namespace sluice::cni
