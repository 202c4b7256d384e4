#include "server/core/operator_file.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice {

absl::StatusOr<std::string> ReadOperatorFile(const char* flag, const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(flag, "=", path, " may be written by everybody: chmod o-w it"));
  }
  absl::StatusOr<std::string> text = ReadFile(path, kMaxOperatorFile);
  if (text.ok()) return text;
  return InOperatorFile(flag, path, text.status());
}

absl::Status InOperatorFile(const char* flag, const std::string& path, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", path, ": ", status.message()));
}

}  // namespace sluice
