#ifndef SLUICE_CLIENTS_CLI_OUTPUT_H_
#define SLUICE_CLIENTS_CLI_OUTPUT_H_

#include "absl/strings/string_view.h"

namespace sluice::cli {

// Writes all of `text` to standard output, unbuffered. Returns kOk, or, where
// it cannot be written, kRefused with an error printed.
int Print(absl::string_view text);

// "sluice: LINE" on standard error. Errors read "what went wrong: what to do".
void PrintNotice(absl::string_view line);

// PrintNotice, returning kUsage.
int UsageError(absl::string_view line);

// Whether colours may be used on standard output: it is a terminal that knows
// them, and NO_COLOR (no-color.org) is not set.
bool UseColor();

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_OUTPUT_H_
