#ifndef SLUICE_CLIENTS_CLI_EXIT_CODE_H_
#define SLUICE_CLIENTS_CLI_EXIT_CODE_H_

namespace sluice::cli {

// What `sluice` exits with; `sluice --help` lists the same for its users. run
// and exec otherwise exit with their command's own code, or kSignalBase plus
// the signal that ended it.
inline constexpr int kOk = 0;
inline constexpr int kRefused = 1;       // the server refused
inline constexpr int kUsage = 2;         // the command line, or a file that it names, is wrong
inline constexpr int kUnreachable = 3;   // no server answers
inline constexpr int kDenied = 4;        // policy check: the answer is a denial
inline constexpr int kOwnFailure = 125;  // run and exec: Sluice failed, the command did not
inline constexpr int kNotAProgram = 126;  // run and exec: not a program that the guest's user may run
inline constexpr int kNoProgram = 127;   // run and exec: the guest has no such program
inline constexpr int kSignalBase = 128;

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_EXIT_CODE_H_
