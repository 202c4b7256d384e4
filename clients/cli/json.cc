#include "clients/cli/json.h"

#include "absl/strings/ascii.h"
#include "google/protobuf/util/json_util.h"

namespace sluice::cli {
namespace {

// Printing fails only for an Any of an unknown type; the API has none.
std::string ToJson(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  absl::StripTrailingAsciiWhitespace(&json);
  return json;
}

}  // namespace

std::string JsonLine(const google::protobuf::Message& message) { return ToJson(message, false); }

std::string JsonPretty(const google::protobuf::Message& message) { return ToJson(message, true); }

}  // namespace sluice::cli
