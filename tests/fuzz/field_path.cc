#include "tests/fuzz/field_path.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "netsvc/base/field_error.h"

namespace sluice::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "rules[3]" to "rules" and 3. Without an index: -1.
std::optional<std::pair<std::string, int>> SplitStep(absl::string_view step) {
  const size_t bracket = step.find('[');
  std::string name(step.substr(0, bracket));
  if (bracket == step.npos) return std::pair(std::move(name), -1);
  int index = -1;
  absl::string_view number = step.substr(bracket + 1);
  if (!absl::ConsumeSuffix(&number, "]") || !absl::SimpleAtoi(number, &index) || index < 0) return std::nullopt;
  return std::pair(std::move(name), index);
}

}  // namespace

bool HasField(const Message& message, absl::string_view path) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(path, absl::MaxSplits('.', 1));
  const auto step = SplitStep(parts.first);
  if (!step) return false;
  const auto& [name, index] = *step;
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) {
    return parts.second.empty() && index < 0 && message.GetDescriptor()->FindOneofByName(name) != nullptr;
  }
  const Reflection& reflection = *message.GetReflection();
  if (index >= 0 && (!field->is_repeated() || index >= reflection.FieldSize(message, field))) return false;
  if (parts.second.empty()) return true;
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated() != (index >= 0)) return false;
  return HasField(index >= 0 ? reflection.GetRepeatedMessage(message, field, index)
                             : reflection.GetMessage(message, field),
                  parts.second);
}

bool IsProperRefusal(const absl::Status& status, const Message& request) {
  const std::optional<std::string> field = FieldOf(status);
  return absl::IsInvalidArgument(status) && field && HasField(request, *field) && !status.message().empty() &&
         status.message().size() <= kMaxWords;
}

}  // namespace sluice::fuzz
