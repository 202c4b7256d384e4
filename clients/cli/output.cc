#include "clients/cli/output.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/exit_code.h"
#include "netsvc/base/io.h"

namespace sluice::cli {

int Print(absl::string_view text) {
  const absl::Status status = WriteAll(STDOUT_FILENO, text);
  if (status.ok()) return kOk;
  PrintNotice(absl::StrCat("cannot write the output: ", status.message()));
  return kRefused;
}

void PrintNotice(absl::string_view line) {
  // Nobody is left to tell when standard error fails.
  WriteAll(STDERR_FILENO, absl::StrCat("sluice: ", line, "\n")).IgnoreError();
}

int UsageError(absl::string_view line) {
  PrintNotice(line);
  return kUsage;
}

bool UseColor() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || absl::string_view(term) == "dumb";
  return isatty(STDOUT_FILENO) == 1 && !dumb && (no_color == nullptr || *no_color == '\0');
}

}  // namespace sluice::cli
