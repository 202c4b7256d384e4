#ifndef SLUICE_CLIENTS_CLI_COPY_OUT_H_
#define SLUICE_CLIENTS_CLI_COPY_OUT_H_

#include <string>

#include "clients/cli/copy_report.h"
#include "clients/cli/file_calls.h"

namespace sluice::cli {

// Copies `source` in the guest, a file or directory, to `target` here: as that,
// or into it where it is a directory; or a file to standard output, which is "-".
// Permission bits are kept. Links below `source` are made again as they are, and
// never followed: whatever the guest says or changes meanwhile, nothing outside of
// `target` is written. What is neither file, directory nor link is left out.
void CopyOut(FileCalls& calls, const std::string& source, const std::string& target, CopyReport& report);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COPY_OUT_H_
