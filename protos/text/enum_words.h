#ifndef SLUICE_PROTOS_TEXT_ENUM_WORDS_H_
#define SLUICE_PROTOS_TEXT_ENUM_WORDS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/generated_enum_reflection.h"

namespace sluice {

// The words of an API enum as people write them: "public_only" for
// PRESET_PUBLIC_ONLY, by the descriptor, so that a value added to the API is
// known here at once.
std::string EnumWord(const google::protobuf::EnumDescriptor& type, int number);
std::optional<int> ParseEnumWord(const google::protobuf::EnumDescriptor& type, absl::string_view word);
std::string EnumWords(const google::protobuf::EnumDescriptor& type);

// "public_only"; the number, where this build does not know the value.
template <typename E>
std::string EnumWord(E value) {
  return EnumWord(*google::protobuf::GetEnumDescriptor<E>(), value);
}

// In any case, with '-' or '_'. Never the _UNSPECIFIED value.
template <typename E>
std::optional<E> ParseEnumWord(absl::string_view word) {
  const std::optional<int> number = ParseEnumWord(*google::protobuf::GetEnumDescriptor<E>(), word);
  if (!number) return std::nullopt;
  return static_cast<E>(*number);
}

// "none, public_only, ...": every word, for help and errors.
template <typename E>
std::string EnumWords() {
  return EnumWords(*google::protobuf::GetEnumDescriptor<E>());
}

}  // namespace sluice

#endif  // SLUICE_PROTOS_TEXT_ENUM_WORDS_H_
