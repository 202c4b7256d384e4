#ifndef SLUICE_PROTOS_TEXT_YAML_MESSAGE_H_
#define SLUICE_PROTOS_TEXT_YAML_MESSAGE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

// Messages of the API as files that people write: YAML in the shape of the
// .proto, enums by their names. JSON is YAML too, and proto JSON is read the
// same way, its lowerCamelCase names included.

namespace sluice {

// Strict: nothing in the text is passed over. InvalidArgument says "line 3: "
// and what is wrong there: a field that the message does not have or that
// stands twice, a value of another type, an enum's value that does not exist.
// `message` is empty or what the text says, its fields unchecked otherwise.
//
// Fields may be messages, lists, strings, enums, booleans and uint32.
absl::Status ParseYaml(const std::string& text, google::protobuf::Message& message);

// The line of `field`, as FieldError writes paths ("rules[3].peers[0].cidr"), in a text
// that ParseYaml takes; of what it would stand in where it does not stand there.
std::optional<int> LineOf(const std::string& text, absl::string_view field);

// What ParseYaml reads back to the same message. Fields that are not set are
// left out.
std::string ToYaml(const google::protobuf::Message& message);

}  // namespace sluice

#endif  // SLUICE_PROTOS_TEXT_YAML_MESSAGE_H_
