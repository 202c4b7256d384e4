#include "protos/text/yaml_message.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "netsvc/base/quote.h"
#include "protos/text/enum_words.h"
#include "yaml-cpp/yaml.h"

namespace sluice {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status ErrorAt(const YAML::Node& node, absl::string_view problem) {
  // Marks count from 0.
  return absl::InvalidArgumentError(absl::StrCat("line ", node.Mark().line + 1, ": ", problem));
}

std::string FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return absl::StrJoin(names, ", ");
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  if (const FieldDescriptor* field = type.FindFieldByName(name)) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

std::string KindOf(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return Quote(node.Scalar());
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a group of fields";
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      return "nothing";
  }
  return "nothing";
}

// What YAML and JSON read as a number, a truth value or nothing, where it is not
// in quotes.
bool IsText(const YAML::Node& node) {
  if (!node.IsScalar()) return false;
  const bool quoted = node.Tag() == "!";
  const std::string& text = node.Scalar();
  double number = 0;
  return quoted || !(absl::EqualsIgnoreCase(text, "true") || absl::EqualsIgnoreCase(text, "false") ||
                     absl::SimpleAtod(text, &number));
}

// Reads one message; the first problem ends it.
class Reader {
 public:
  absl::Status ReadMessage(const YAML::Node& node, Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    if (!node.IsMap()) return ErrorAt(node, absl::StrCat("fields are wanted (", FieldNames(type), "), not ", KindOf(node)));
    std::set<const FieldDescriptor*> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return ErrorAt(entry.first, "a field's name is wanted");
      const std::string& name = entry.first.Scalar();
      const FieldDescriptor* field = FindField(type, name);
      if (field == nullptr) {
        return ErrorAt(entry.first, absl::StrCat("there is no field ", Quote(name), " here; there are ", FieldNames(type)));
      }
      if (!seen.insert(field).second) return ErrorAt(entry.first, absl::StrCat(field->name(), " stands twice"));
      // Nothing has no place of its own.
      if (entry.second.IsNull()) return ErrorAt(entry.first, absl::StrCat(field->name(), " has no value"));
      absl::Status status = CheckOneof(entry.first, *field, message);
      if (status.ok()) status = ReadField(entry.second, *field, message);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status CheckOneof(const YAML::Node& name, const FieldDescriptor& field, const Message& message) {
    if (field.containing_oneof() == nullptr) return absl::OkStatus();
    const FieldDescriptor* other =
        message.GetReflection()->GetOneofFieldDescriptor(message, field.containing_oneof());
    if (other == nullptr) return absl::OkStatus();
    return ErrorAt(name, absl::StrCat(other->name(), " and ", field.name(), " exclude one another"));
  }

  absl::Status ReadField(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    if (!field.is_repeated()) return ReadValue(node, field, message);
    if (!node.IsSequence()) return ErrorAt(node, absl::StrCat(field.name(), " is a list, not ", KindOf(node)));
    for (const YAML::Node& item : node) {
      const absl::Status status = ReadValue(item, field, message);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadValue(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return ReadMessage(node, field.is_repeated() ? *message.GetReflection()->AddMessage(&message, &field)
                                                     : *message.GetReflection()->MutableMessage(&message, &field));
      case FieldDescriptor::CPPTYPE_STRING:
        return ReadText(node, field, message);
      case FieldDescriptor::CPPTYPE_ENUM:
        return ReadEnum(node, field, message);
      case FieldDescriptor::CPPTYPE_UINT32:
        return ReadNumber(node, field, message);
      case FieldDescriptor::CPPTYPE_BOOL:
        return ReadBool(node, field, message);
      default:
        return ErrorAt(node, absl::StrCat(field.name(), " cannot be written in a file"));
    }
  }

  static absl::Status ReadText(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    if (!IsText(node)) {
      return ErrorAt(node, absl::StrCat(field.name(), " is a text, not ", KindOf(node),
                                        node.IsScalar() ? " without quotes" : ""));
    }
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, node.Scalar());
    } else {
      reflection.SetString(&message, &field, node.Scalar());
    }
    return absl::OkStatus();
  }

  static absl::Status ReadEnum(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    const EnumDescriptor& type = *field.enum_type();
    const EnumValueDescriptor* value = node.IsScalar() ? type.FindValueByName(node.Scalar()) : nullptr;
    if (value == nullptr) return ErrorAt(node, EnumProblem(node, field));
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddEnum(&message, &field, value);
    } else {
      reflection.SetEnum(&message, &field, value);
    }
    return absl::OkStatus();
  }

  static std::string EnumProblem(const YAML::Node& node, const FieldDescriptor& field) {
    const EnumDescriptor& type = *field.enum_type();
    const std::optional<int> meant = node.IsScalar() ? ParseEnumWord(type, node.Scalar()) : std::nullopt;
    if (meant) {
      return absl::StrCat(KindOf(node), " is written ", type.FindValueByNumber(*meant)->name(), " in a file");
    }
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) {
      if (type.value(i)->number() != 0) names.push_back(type.value(i)->name());
    }
    return absl::StrCat(field.name(), " is one of ", absl::StrJoin(names, ", "), ", not ", KindOf(node));
  }

  static absl::Status ReadNumber(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    uint32_t number = 0;
    if (!node.IsScalar() || field.is_repeated() || !absl::SimpleAtoi(node.Scalar(), &number)) {
      return ErrorAt(node, absl::StrCat(field.name(), " is a number from 0, not ", KindOf(node)));
    }
    message.GetReflection()->SetUInt32(&message, &field, number);
    return absl::OkStatus();
  }

  static absl::Status ReadBool(const YAML::Node& node, const FieldDescriptor& field, Message& message) {
    const bool yes = node.IsScalar() && node.Scalar() == "true";
    if (!yes && !(node.IsScalar() && node.Scalar() == "false")) {
      return ErrorAt(node, absl::StrCat(field.name(), " is true or false, not ", KindOf(node)));
    }
    message.GetReflection()->SetBool(&message, &field, yes);
    return absl::OkStatus();
  }
};

// Writes what Reader reads.
class Writer {
 public:
  std::string Write(const Message& message) {
    WriteMessage(message);
    return absl::StrCat(out_.c_str(), "\n");
  }

 private:
  void WriteMessage(const Message& message) {
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    out_ << YAML::BeginMap;
    for (const FieldDescriptor* field : fields) {
      out_ << YAML::Key << field->name() << YAML::Value;
      if (!field->is_repeated()) {
        WriteValue(message, *field, -1);
        continue;
      }
      out_ << YAML::BeginSeq;
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) WriteValue(message, *field, i);
      out_ << YAML::EndSeq;
    }
    out_ << YAML::EndMap;
  }

  // `index`: -1 for a field that is no list.
  void WriteValue(const Message& message, const FieldDescriptor& field, int index) {
    const Reflection& reflection = *message.GetReflection();
    const bool item = index >= 0;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        WriteMessage(item ? reflection.GetRepeatedMessage(message, &field, index)
                          : reflection.GetMessage(message, &field));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        out_ << YAML::DoubleQuoted
             << (item ? reflection.GetRepeatedString(message, &field, index) : reflection.GetString(message, &field));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        out_ << (item ? reflection.GetRepeatedEnum(message, &field, index) : reflection.GetEnum(message, &field))
                    ->name();
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        out_ << reflection.GetUInt32(message, &field);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ << reflection.GetBool(message, &field);
        break;
      default:
        out_ << YAML::Null;
        break;
    }
  }

  YAML::Emitter out_;
};

// The deepest node on the way to `field` that there is.
YAML::Node FindDeepest(YAML::Node node, absl::string_view field) {
  for (const absl::string_view step : absl::StrSplit(field, absl::ByAnyChar(".[]"), absl::SkipEmpty())) {
    size_t index = 0;
    YAML::Node next;
    if (node.IsSequence() && absl::SimpleAtoi(step, &index) && index < node.size()) next.reset(node[index]);
    if (node.IsMap()) {
      for (const auto& entry : node) {
        if (entry.first.Scalar() == std::string(step)) next.reset(entry.second);
      }
    }
    if (next.IsNull()) return node;
    node.reset(next);
  }
  return node;
}

}  // namespace

std::optional<int> LineOf(const std::string& text, absl::string_view field) {
  try {
    return FindDeepest(YAML::Load(text), field).Mark().line + 1;
  } catch (const YAML::Exception&) {
    return std::nullopt;
  }
}

// Where yaml-cpp's exceptions end.
absl::Status ParseYaml(const std::string& text, Message& message) {
  message.Clear();
  try {
    const YAML::Node node = YAML::Load(text);
    if (!node.IsDefined() || node.IsNull()) {
      return absl::InvalidArgumentError(
          absl::StrCat("it is empty; fields are wanted: ", FieldNames(*message.GetDescriptor())));
    }
    return Reader().ReadMessage(node, message);
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("line ", e.mark.line + 1, ": ", e.msg));
  }
}

std::string ToYaml(const Message& message) { return Writer().Write(message); }

}  // namespace sluice
