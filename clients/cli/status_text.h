#ifndef SLUICE_CLIENTS_CLI_STATUS_TEXT_H_
#define SLUICE_CLIENTS_CLI_STATUS_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace sluice::cli {

// What went wrong, in one Printable line: the fields of google.rpc.BadRequest
// with their descriptions where the server sent them, else its message.
std::string StatusText(const grpc::Status& status);

// What the user can do about a refusal with this code. Empty: the message
// says it all.
absl::string_view HintFor(const grpc::Status& status);

// The type of what is missing or refused ("sandbox", "program"), as
// google.rpc.ResourceInfo says; empty where the server did not.
std::string ResourceType(const grpc::Status& status);

// What kept the connection from coming up: "No such file or directory" out of
// gRPC's longer account.
std::string ConnectionProblem(const grpc::Status& status);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_STATUS_TEXT_H_
