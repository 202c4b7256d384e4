#ifndef SLUICE_CLIENTS_CNI_CNI_ERROR_H_
#define SLUICE_CLIENTS_CNI_CNI_ERROR_H_

#include <string>
#include <variant>

#include "nlohmann/json.hpp"

namespace sluice::cni {

// Codes of the CNI specification 1.1.0, section 5 "Error", and from 100 on our own.
enum class ErrorCode : int {
  kIncompatibleVersion = 1,
  kUnknownContainer = 3,
  kInvalidEnvironment = 4,
  kDecode = 6,
  kInvalidConfig = 7,
  kTryAgainLater = 11,
  kNotAvailable = 50,
  kRefused = 100,   // by the server
  kNotAsItWas = 101,  // what CHECK found
};

// What went wrong; a value.
struct Error {
  ErrorCode code;
  std::string message;
  std::string details = "";
};

// What a command prints on standard output; null: nothing.
using Outcome = std::variant<nlohmann::json, Error>;

// Versions of the specification that are spoken, the newest last.
inline constexpr const char* kVersions[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

}  // namespace sluice::cni

#endif  // SLUICE_CLIENTS_CNI_CNI_ERROR_H_
