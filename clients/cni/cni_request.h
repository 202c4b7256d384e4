#ifndef SLUICE_CLIENTS_CNI_CNI_REQUEST_H_
#define SLUICE_CLIENTS_CNI_CNI_REQUEST_H_

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "clients/cni/cni_error.h"
#include "nlohmann/json.hpp"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cni {

enum class Command { kAdd, kDel, kCheck, kGc, kStatus, kVersion };

// One call of the plugin, as environment and standard input say it; a value.
struct Request {
  Command command = Command::kVersion;
  std::string container_id;
  std::string netns;  // may be empty in DEL: it is gone
  std::string interface_name;

  std::string version;  // of the specification, one of kVersions
  std::string network_name;
  std::string server;
  v1::NetworkPolicy policy;
  std::vector<v1::PortMapping> ports;
  nlohmann::json previous_result;              // null: none
  std::vector<std::string> valid_sandboxes = {};  // GC: of the attachments that are to stay

  // The sandbox of the attachment: its container's id may be longer than a
  // sandbox's, and have other characters.
  std::string sandbox_id() const { return SandboxId(network_name, container_id, interface_name); }
  static std::string SandboxId(const std::string& network, const std::string& container, const std::string& interface);
};

// `environment` returns "" for what is not set.
std::variant<Request, Error> ParseRequest(const std::function<std::string(const char*)>& environment,
                                          const std::string& input);

}  // namespace sluice::cni

#endif  // SLUICE_CLIENTS_CNI_CNI_REQUEST_H_
