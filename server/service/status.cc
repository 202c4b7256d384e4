#include "server/service/status.h"

#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

constexpr absl::string_view kResourceUrl = "sluice/resource";

google::rpc::BadRequest BadRequestOf(const std::string& field, const std::string& problem) {
  google::rpc::BadRequest bad_request;
  google::rpc::BadRequest::FieldViolation* violation = bad_request.add_field_violations();
  violation->set_field(field);
  violation->set_description(problem);
  return bad_request;
}

// Clients take 8 KiB of trailers, in which a message is up to three times.
constexpr size_t kMaxMessage = 1024;

// Of a long message the beginning, at the end of a character.
std::string Shorten(absl::string_view message) {
  if (message.size() <= kMaxMessage) return std::string(message);
  size_t size = kMaxMessage;
  while (size > 0 && (message[size] & 0xc0) == 0x80) --size;
  return absl::StrCat(message.substr(0, size), "...");
}

constexpr const char* kCodeNames[] = {"ok",
                                      "cancelled",
                                      "unknown",
                                      "invalid_argument",
                                      "deadline_exceeded",
                                      "not_found",
                                      "already_exists",
                                      "permission_denied",
                                      "resource_exhausted",
                                      "failed_precondition",
                                      "aborted",
                                      "out_of_range",
                                      "unimplemented",
                                      "internal",
                                      "unavailable",
                                      "data_loss",
                                      "unauthenticated"};

}  // namespace

absl::Status WithResource(absl::string_view type, absl::string_view name, absl::Status status) {
  if (!absl::IsNotFound(status) && !absl::IsPermissionDenied(status)) return status;
  google::rpc::ResourceInfo info;
  info.set_resource_type(std::string(type));
  info.set_resource_name(std::string(name));
  status.SetPayload(kResourceUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The numbers of absl::StatusCode are those of gRPC.
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string problem = Shorten(status.message());
  google::rpc::Status details;
  const std::optional<std::string> field = FieldOf(status);
  if (field) details.add_details()->PackFrom(BadRequestOf(*field, problem));
  google::rpc::ResourceInfo info;
  const absl::optional<absl::Cord> resource = status.GetPayload(kResourceUrl);
  if (resource && info.ParseFromString(std::string(*resource))) details.add_details()->PackFrom(info);
  const std::string message = field.value_or("").empty() ? problem : *field + ": " + problem;
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(status.raw_code());
  details.set_message(message);  // the call's own: some clients show the one, some the other
  return grpc::Status(code, message, details.SerializeAsString());
}

std::string CodeName(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < std::size(kCodeNames) ? kCodeNames[index] : "unknown";
}

}  // namespace sluice
