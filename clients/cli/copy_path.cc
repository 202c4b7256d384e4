#include "clients/cli/copy_path.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::cli {

absl::StatusOr<CopyPath> ParseCopyPath(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("a path is empty");
  const size_t colon = text.find(':');
  if (colon == text.npos || text.substr(0, colon).find('/') != text.npos) return CopyPath{"", std::string(text)};
  const absl::string_view sandbox = text.substr(0, colon);
  const absl::string_view path = text.substr(colon + 1);
  if (sandbox.empty()) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" names no sandbox before the colon"));
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path in \"", text, "\" must begin with \"/\" (a file here is \"./", text, "\")"));
  }
  return CopyPath{std::string(sandbox), std::string(path)};
}

std::string JoinPath(absl::string_view directory, absl::string_view name) {
  if (name.empty()) return std::string(directory);
  if (directory.empty()) return std::string(name);
  return absl::StrCat(directory, absl::EndsWith(directory, "/") ? "" : "/", name);
}

std::string LastName(absl::string_view path) {
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  return name == "." || name == ".." ? "" : std::string(name);
}

}  // namespace sluice::cli
