#ifndef SLUICE_CLIENTS_CLI_TESTING_CLI_PROCESS_H_
#define SLUICE_CLIENTS_CLI_TESTING_CLI_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "netsvc/base/unique_fd.h"

namespace sluice::cli {

// How a command ended.
struct CliResult {
  int exit_code = -1;  // -1: a signal ended it
  std::string out;
  std::string err;
};

// One run of the real `sluice` binary with pipes for its input and output.
class CliProcess {
 public:
  // `server` becomes SLUICE_SERVER.
  CliProcess(const std::vector<std::string>& arguments, const std::string& server);
  // Ends it, where Wait has not seen its end.
  ~CliProcess();
  CliProcess(const CliProcess&) = delete;
  CliProcess& operator=(const CliProcess&) = delete;

  void WriteInput(const std::string& text);
  void CloseInput() { input_.reset(); }
  void CloseOutput() { output_.reset(); }
  // Blocks until it has printed `text` on standard output, or ended.
  void AwaitOutput(const std::string& text);
  void Signal(int number);
  // Its input stays as it is; reads the rest of its output and waits.
  CliResult Wait();

 private:
  pid_t pid_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd error_;
  std::string out_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TESTING_CLI_PROCESS_H_
