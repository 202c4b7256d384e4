#include "clients/cli/policy_file.h"

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "netsvc/base/io.h"
#include "yaml-cpp/yaml.h"

namespace sluice::cli {
namespace {

// A policy is five deep; more is not one.
constexpr int kMaxYamlDepth = 32;

// Scalars become strings: proto JSON reads numbers and enums from them.
// Throws YAML::Exception.
nlohmann::json ToJson(const YAML::Node& node, int depth) {
  if (depth > kMaxYamlDepth) throw YAML::Exception(node.Mark(), "nested too deep");
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return node.Scalar();
    case YAML::NodeType::Sequence: {
      nlohmann::json array = nlohmann::json::array();
      for (const YAML::Node& item : node) array.push_back(ToJson(item, depth + 1));
      return array;
    }
    case YAML::NodeType::Map: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& entry : node) object[entry.first.Scalar()] = ToJson(entry.second, depth + 1);
      return object;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      return nullptr;
  }
  return nullptr;
}

// Where yaml-cpp's exceptions end.
absl::StatusOr<std::string> YamlToJson(const std::string& yaml) {
  try {
    return ToJson(YAML::Load(yaml), 0).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(e.what());
  }
}

}  // namespace

absl::StatusOr<v1::NetworkPolicy> ParsePolicyJson(absl::string_view json) {
  v1::NetworkPolicy policy;
  const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &policy);
  if (status.ok()) return policy;
  const auto message = status.message();
  return absl::InvalidArgumentError(absl::string_view(message.data(), message.size()));
}

absl::StatusOr<v1::NetworkPolicy> ParsePolicyYaml(const std::string& yaml) {
  const absl::StatusOr<std::string> json = YamlToJson(yaml);
  if (!json.ok()) return json.status();
  return ParsePolicyJson(*json);
}

absl::StatusOr<v1::NetworkPolicy> ReadPolicyFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path == "-" ? "/dev/stdin" : path, kMaxPolicyFileSize);
  if (!text.ok()) return text.status();
  const bool yaml = absl::EndsWith(path, ".yaml") || absl::EndsWith(path, ".yml");
  const absl::StatusOr<v1::NetworkPolicy> policy = yaml ? ParsePolicyYaml(*text) : ParsePolicyJson(*text);
  if (policy.ok()) return policy;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", policy.status().message()));
}

}  // namespace sluice::cli
