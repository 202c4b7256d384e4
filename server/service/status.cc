#include "server/service/status.h"

#include <optional>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

// `message` is the call's own: some clients show the one, some the other.
std::string BadRequestDetails(int code, const std::string& message, const std::string& field,
                              const std::string& problem) {
  google::rpc::BadRequest bad_request;
  google::rpc::BadRequest::FieldViolation* violation = bad_request.add_field_violations();
  violation->set_field(field);
  violation->set_description(problem);
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(bad_request);
  return details.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The numbers of absl::StatusCode are those of gRPC.
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string problem(status.message());
  const std::optional<std::string> field = FieldOf(status);
  if (!field) return grpc::Status(code, problem);
  const std::string message = field->empty() ? problem : *field + ": " + problem;
  return grpc::Status(code, message, BadRequestDetails(status.raw_code(), message, *field, problem));
}

}  // namespace sluice
