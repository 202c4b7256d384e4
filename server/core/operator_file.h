#ifndef SLUICE_SERVER_CORE_OPERATOR_FILE_H_
#define SLUICE_SERVER_CORE_OPERATOR_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Files by which an operator says what others may do. Errors are InvalidArgument,
// one sentence that begins with the flag and the path.

namespace sluice {

inline constexpr size_t kMaxOperatorFile = 1 << 20;  // bytes

// The file's text. An error where everybody may write it.
absl::StatusOr<std::string> ReadOperatorFile(const char* flag, const std::string& path);

// What is wrong with the file that `flag` names.
absl::Status InOperatorFile(const char* flag, const std::string& path, const absl::Status& status);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_OPERATOR_FILE_H_
