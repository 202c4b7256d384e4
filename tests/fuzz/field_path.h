#ifndef SLUICE_TESTS_FUZZ_FIELD_PATH_H_
#define SLUICE_TESTS_FUZZ_FIELD_PATH_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace sluice::fuzz {

// Clients take 8 KiB of trailers, in which a refusal's words are three times.
inline constexpr size_t kMaxWords = 1024;

// Is `path` that of a field of `message` or of a oneof in it, each element on the
// way being there: "policy.rules[3].peers[0].cidr"?
bool HasField(const google::protobuf::Message& message, absl::string_view path);

// Is `status` what a caller is to be told who sent `request`: InvalidArgument, with
// a path that is in it, and at most kMaxWords bytes?
bool IsProperRefusal(const absl::Status& status, const google::protobuf::Message& request);

}  // namespace sluice::fuzz

#endif  // SLUICE_TESTS_FUZZ_FIELD_PATH_H_
