#ifndef SLUICE_CLIENTS_CLI_JSON_H_
#define SLUICE_CLIENTS_CLI_JSON_H_

#include <string>

#include "google/protobuf/message.h"

namespace sluice::cli {

// Proto JSON with the field names of the .proto, as `-o json` prints it and
// `policy set -f` reads it. Neither ends in a newline.
std::string JsonLine(const google::protobuf::Message& message);
std::string JsonPretty(const google::protobuf::Message& message);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_JSON_H_
