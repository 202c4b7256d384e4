#include "protos/text/enum_words.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace sluice {
namespace {

std::string WordOf(const google::protobuf::EnumValueDescriptor& value) {
  const std::string& zero = value.type()->FindValueByNumber(0)->name();
  absl::string_view name = value.name();
  absl::ConsumePrefix(&name, absl::StripSuffix(zero, "UNSPECIFIED"));
  return absl::AsciiStrToLower(name);
}

}  // namespace

std::string EnumWord(const google::protobuf::EnumDescriptor& type, int number) {
  const google::protobuf::EnumValueDescriptor* value = type.FindValueByNumber(number);
  return value == nullptr ? absl::StrCat(number) : WordOf(*value);
}

std::optional<int> ParseEnumWord(const google::protobuf::EnumDescriptor& type, absl::string_view word) {
  const std::string wanted = absl::StrReplaceAll(absl::AsciiStrToLower(word), {{"-", "_"}});
  for (int i = 0; i < type.value_count(); ++i) {
    const google::protobuf::EnumValueDescriptor& value = *type.value(i);
    if (value.number() != 0 && WordOf(value) == wanted) return value.number();
  }
  return std::nullopt;
}

std::string EnumWords(const google::protobuf::EnumDescriptor& type) {
  std::vector<std::string> words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) words.push_back(WordOf(*type.value(i)));
  }
  return absl::StrJoin(words, ", ");
}

}  // namespace sluice
