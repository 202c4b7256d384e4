#include "clients/cli/testing/cli_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

constexpr char kBinary[] = "clients/cli/sluice";  // in the test's runfiles

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe MakePipe() {
  int fds[2] = {-1, -1};
  if (pipe2(fds, O_CLOEXEC) != 0) return {};
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Appends what one read gives; false at the end.
bool ReadSome(int fd, std::string& text) {
  char chunk[4096];
  const ssize_t n = read(fd, chunk, sizeof(chunk));
  if (n <= 0) return false;
  text.append(chunk, static_cast<size_t>(n));
  return true;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

CliProcess::CliProcess(const std::vector<std::string>& arguments, const std::string& server) {
  Pipe input = MakePipe();
  Pipe output = MakePipe();
  Pipe error = MakePipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error.write.get(), STDERR_FILENO);
  std::vector<std::string> argv = {kBinary};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> env = {"SLUICE_SERVER=" + server, "TZ=UTC", "PATH=/usr/bin:/bin"};
  if (posix_spawn(&pid_, kBinary, &actions, nullptr, Pointers(argv).data(), Pointers(env).data()) != 0)
    pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  input_ = std::move(input.write);
  output_ = std::move(output.read);
  error_ = std::move(error.read);
}

CliProcess::~CliProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void CliProcess::WriteInput(const std::string& text) { WriteAll(input_.get(), text).IgnoreError(); }

void CliProcess::AwaitOutput(const std::string& text) {
  while (out_.find(text) == out_.npos && ReadSome(output_.get(), out_)) {
  }
}

void CliProcess::Signal(int number) {
  if (pid_ > 0) kill(pid_, number);
}

CliResult CliProcess::Wait() {
  CliResult result;
  std::thread errors([this, &result] {
    while (ReadSome(error_.get(), result.err)) {
    }
  });
  while (ReadSome(output_.get(), out_)) {
  }
  errors.join();
  result.out = out_;
  int status = 0;
  if (pid_ > 0 && waitpid(pid_, &status, 0) == pid_ && WIFEXITED(status))
    result.exit_code = WEXITSTATUS(status);
  pid_ = -1;
  return result;
}

}  // namespace sluice::cli
