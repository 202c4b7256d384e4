// sluice-cni: a CNI plugin (https://www.cni.dev) whose networks are sandboxes of a
// Sluice server. docs/guests.md shows its configuration.

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "clients/cni/cni_plugin.h"
#include "clients/cni/cni_result.h"

int main() {
  using namespace sluice::cni;
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  const std::variant<Request, Error> request = ParseRequest(environment, input);
  const Request* parsed = std::get_if<Request>(&request);
  const Outcome outcome = parsed != nullptr ? Run(*parsed) : Outcome(std::get<Error>(request));
  if (const Error* error = std::get_if<Error>(&outcome)) {
    const std::string version = parsed != nullptr ? parsed->version : *std::rbegin(kVersions);
    // What it quotes need not be UTF-8.
    std::cout << ErrorJson(version, *error).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
    return 1;
  }
  const nlohmann::json& result = std::get<nlohmann::json>(outcome);
  if (!result.is_null()) std::cout << result.dump() << std::endl;
  return 0;
}
