#ifndef SLUICE_CLIENTS_CNI_CNI_RESULT_H_
#define SLUICE_CLIENTS_CNI_CNI_RESULT_H_

#include <string>

#include "clients/cni/cni_error.h"
#include "clients/cni/cni_request.h"
#include "nlohmann/json.hpp"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::cni {

// The result of ADD in the request's version: interface, addresses, routes, DNS.
nlohmann::json ResultOf(const Request& request, const v1::Sandbox& sandbox);

// Whether every address of `result` is still the sandbox's.
bool StillHas(const v1::Sandbox& sandbox, const nlohmann::json& result);

nlohmann::json ErrorJson(const std::string& version, const Error& error);

// What VERSION prints.
nlohmann::json VersionJson();

}  // namespace sluice::cni

#endif  // SLUICE_CLIENTS_CNI_CNI_RESULT_H_
