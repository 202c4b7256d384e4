#ifndef SLUICE_CLIENTS_CLI_COPY_IN_H_
#define SLUICE_CLIENTS_CLI_COPY_IN_H_

#include <string>

#include "clients/cli/copy_report.h"
#include "clients/cli/file_calls.h"

namespace sluice::cli {

// Copies `source`, a file or directory here or "-", to `target` in the guest: as
// that, or into it where it is a directory. Permission bits are kept; directories
// stay writable for their owner. Links below `source` are left out, and so is
// what is neither file nor directory.
void CopyIn(FileCalls& calls, const std::string& source, const std::string& target, CopyReport& report);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_COPY_IN_H_
