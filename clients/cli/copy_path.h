#ifndef SLUICE_CLIENTS_CLI_COPY_PATH_H_
#define SLUICE_CLIENTS_CLI_COPY_PATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::cli {

// One side of `sluice cp`; a value.
struct CopyPath {
  std::string sandbox;  // empty: here
  std::string path;     // in the sandbox: absolute

  bool IsHere() const { return sandbox.empty(); }
  // Standard input or output.
  bool IsStream() const { return sandbox.empty() && path == "-"; }
};

// "SANDBOX:PATH", or a path here. A ':' that follows a '/' is a path's.
// InvalidArgument in words.
absl::StatusOr<CopyPath> ParseCopyPath(absl::string_view text);

// What is called `name` in a directory.
std::string JoinPath(absl::string_view directory, absl::string_view name);
// The last name of a path: "b" of "/a/b/"; empty where that is "/", "." or "..".
std::string LastName(absl::string_view path);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COPY_PATH_H_
