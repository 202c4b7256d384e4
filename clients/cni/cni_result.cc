#include "clients/cni/cni_result.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::cni {
namespace {

using nlohmann::json;

// The length of a subnet, "10.0.2.0/24"; the default's where it was not set.
std::string LengthOf(const std::string& subnet, const char* otherwise) {
  const size_t slash = subnet.find('/');
  return slash == subnet.npos ? otherwise : subnet.substr(slash + 1);
}

}  // namespace

json ResultOf(const Request& request, const v1::Sandbox& sandbox) {
  const v1::NetworkStatus& status = sandbox.network_status();
  const v1::InterfaceConfig& interface = sandbox.network().interface();
  // Before 1.0.0 each address says its family.
  const bool says_family = absl::StartsWith(request.version, "0.");
  json ips = json::array();
  json routes = json::array();
  const struct {
    const std::string& address;
    const std::string& gateway;
    std::string length;
    const char* everywhere;
    const char* family;
  } families[] = {
      {status.ipv4_address(), status.ipv4_gateway(), LengthOf(interface.ipv4_subnet(), "24"), "0.0.0.0/0", "4"},
      {status.ipv6_address(), status.ipv6_gateway(), LengthOf(interface.ipv6_subnet(), "64"), "::/0", "6"}};
  for (const auto& [address, gateway, length, everywhere, family] : families) {
    if (address.empty()) continue;
    json ip = {{"address", absl::StrCat(address, "/", length)}, {"gateway", gateway}, {"interface", 0}};
    if (says_family) ip["version"] = family;
    ips.push_back(std::move(ip));
    routes.push_back({{"dst", everywhere}, {"gw", gateway}});
  }
  return {{"cniVersion", request.version},
          {"interfaces", {{{"name", request.interface_name}, {"mac", status.mac()}, {"sandbox", request.netns}}}},
          {"ips", std::move(ips)},
          {"routes", std::move(routes)},
          {"dns", {{"nameservers", std::vector<std::string>(status.dns_servers().begin(), status.dns_servers().end())}}}};
}

bool StillHas(const v1::Sandbox& sandbox, const json& result) {
  const auto ips = result.is_object() ? result.find("ips") : result.end();
  if (ips == result.end() || !ips->is_array()) return true;
  for (const json& ip : *ips) {
    const auto address = ip.is_object() ? ip.find("address") : ip.end();
    if (address == ip.end() || !address->is_string()) return false;
    const std::string& text = address->get_ref<const std::string&>();
    const v1::NetworkStatus& status = sandbox.network_status();
    if (!absl::StartsWith(text, absl::StrCat(status.ipv4_address(), "/")) &&
        !absl::StartsWith(text, absl::StrCat(status.ipv6_address(), "/"))) {
      return false;
    }
  }
  return true;
}

json ErrorJson(const std::string& version, const Error& error) {
  json object = {{"cniVersion", version}, {"code", static_cast<int>(error.code)}, {"msg", error.message}};
  if (!error.details.empty()) object["details"] = error.details;
  return object;
}

json VersionJson() {
  return {{"cniVersion", *std::rbegin(kVersions)},
          {"supportedVersions", std::vector<std::string>(std::begin(kVersions), std::end(kVersions))}};
}

}  // namespace sluice::cni
