#include "clients/cli/status_text.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sluice::cli {
namespace {

// "network.ports[0].guest_port: is required", one a violation.
std::vector<std::string> FieldViolations(const grpc::Status& status) {
  std::vector<std::string> lines;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return lines;
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::BadRequest bad_request;
    if (!any.Is<google::rpc::BadRequest>() || !any.UnpackTo(&bad_request)) continue;
    for (const auto& violation : bad_request.field_violations()) {
      lines.push_back(absl::StrCat(violation.field(), ": ", violation.description()));
    }
  }
  return lines;
}

}  // namespace

std::string StatusText(const grpc::Status& status) {
  const std::vector<std::string> violations = FieldViolations(status);
  if (!violations.empty()) return Printable(absl::StrJoin(violations, "; "));
  if (!status.error_message().empty()) return Printable(status.error_message());
  return absl::StrCat("the server answered with gRPC code ", static_cast<int>(status.error_code()));
}

absl::string_view HintFor(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND:
      // It may be a program, a file or a port that was not found.
      if (!absl::StartsWith(status.error_message(), "there is no sandbox")) return "";
      return "`sluice list` shows the sandboxes that exist";
    case grpc::StatusCode::UNAVAILABLE:
      return "try again in a moment";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "the server did not answer in time, and may still do what was asked";
    case grpc::StatusCode::ABORTED:
      return "it changed meanwhile; look at it again, then retry";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "this server is older than this client, or built without it";
    default:
      return "";
  }
}

std::string ResourceType(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ResourceInfo info;
    if (any.UnpackTo(&info)) return info.resource_type();
  }
  return "";
}

std::string ConnectionProblem(const grpc::Status& status) {
  const std::string message = status.error_message();
  const size_t colon = message.rfind(": ");
  return Printable(colon == message.npos ? message : message.substr(colon + 2));
}

}  // namespace sluice::cli
