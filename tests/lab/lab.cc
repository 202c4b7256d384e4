#include "tests/lab/lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"
#include "tests/lab/await.h"
#include "tests/lab/netns.h"

namespace sluice::lab {
namespace {

constexpr absl::Duration kUpTimeout = absl::Minutes(3);
constexpr absl::Duration kDownTimeout = absl::Minutes(1);
constexpr absl::Duration kLogTimeout = absl::Seconds(10);
constexpr size_t kMaxLogBytes = size_t{64} << 20;

absl::string_view NsName(Ns ns) {
  switch (ns) {
    case Ns::kHost: return "host";
    case Ns::kInet: return "inet";
    case Ns::kLan: return "lan";
  }
  return "";
}

std::string UniqueName() {
  static std::atomic<int> counter{0};
  return absl::StrCat("t", getpid(), "-", counter++);
}

std::string RunfilesDir() {
  const char* const root = getenv("TEST_SRCDIR");
  const char* const workspace = getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) return "tests/lab";
  return absl::StrCat(root, "/", workspace, "/tests/lab");
}

// Runs a script of the lab, for which silence on failure is no option.
absl::Status RunScript(const std::vector<std::string>& argv, absl::Duration timeout) {
  const absl::StatusOr<CommandResult> result = RunCommand(argv, timeout);
  if (!result.ok()) return result.status();
  if (result->exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(result->err, result->out));
}

}  // namespace

Lab::Lab(std::string name, std::string script_dir)
    : name_(std::move(name)), script_dir_(std::move(script_dir)) {}

absl::StatusOr<std::unique_ptr<Lab>> Lab::Create() { return Create(Options{}); }

absl::StatusOr<std::unique_ptr<Lab>> Lab::Create(const Options& options) {
  std::unique_ptr<Lab> lab(
      new Lab(UniqueName(), options.script_dir.empty() ? RunfilesDir() : options.script_dir));
  const absl::Status up = RunScript(
      {"env", absl::StrCat("SLUICE_LAB_OWNER=", getpid()),
       absl::StrCat("SLUICE_LAB_PING_GROUP_RANGE=", options.ping_sockets ? "0 2147483647" : "1 0"),
       lab->Script("up"), lab->name_},
      kUpTimeout);
  if (!up.ok()) return up;
  return lab;
}

Lab::~Lab() {
  if (absl::Status s = Down(); !s.ok()) fprintf(stderr, "lab: %s\n", s.ToString().c_str());
}

absl::Status Lab::Down() {
  if (down_) return absl::OkStatus();
  absl::Status status = RunScript({Script("down"), name_}, kDownTimeout);
  down_ = status.ok();
  return status;
}

std::string Lab::Script(absl::string_view script) const { return absl::StrCat(script_dir_, "/", script); }

std::string Lab::Path(absl::string_view file) const {
  return absl::StrCat("/run/sluice-lab/", name_, "/", file);
}

std::string Lab::NetnsPath(Ns ns) const {
  return absl::StrCat("/run/netns/sluice-lab-", name_, "-", NsName(ns));
}

absl::StatusOr<CommandResult> Lab::RunIn(Ns ns, const std::vector<std::string>& argv,
                                         absl::Duration timeout) const {
  std::vector<std::string> command = {Script("shell"), "--in", std::string(NsName(ns)), name_, "--"};
  command.insert(command.end(), argv.begin(), argv.end());
  return RunCommand(command, timeout);
}

absl::StatusOr<CommandResult> Lab::RunInHost(const std::vector<std::string>& argv,
                                             absl::Duration timeout) const {
  return RunIn(Ns::kHost, argv, timeout);
}

absl::StatusOr<std::unique_ptr<Process>> Lab::Spawn(Ns ns, const std::vector<std::string>& argv,
                                                    const Process::Options& options) const {
  std::vector<std::string> command = {"nsenter", absl::StrCat("--net=", NetnsPath(ns)), "--"};
  command.insert(command.end(), argv.begin(), argv.end());
  return Process::Spawn(command, options);
}

absl::Status Lab::EnterHost() const { return EnterNetns(NetnsPath(Ns::kHost)); }

absl::StatusOr<int> Lab::RequestsSeen(absl::string_view service, absl::string_view containing) const {
  const absl::StatusOr<std::string> log = ReadFile(Path(absl::StrCat("log/", service, ".access")), kMaxLogBytes);
  if (!log.ok()) return log.status();
  int count = 0;
  for (absl::string_view line : absl::StrSplit(*log, '\n', absl::SkipEmpty())) {
    if (absl::StrContains(line, containing)) ++count;
  }
  return count;
}

absl::Status Lab::AwaitRequests(absl::string_view service, int count, absl::string_view containing) const {
  const std::string log = Path(absl::StrCat("log/", service, ".access"));
  const UniqueFd changes(inotify_init1(IN_CLOEXEC));
  if (inotify_add_watch(changes.get(), log.c_str(), IN_MODIFY) < 0) {
    return ErrnoError(errno, absl::StrCat("watch ", log));
  }
  const absl::Time deadline = absl::Now() + kLogTimeout;
  while (true) {
    const absl::StatusOr<int> seen = RequestsSeen(service, containing);
    if (!seen.ok()) return seen.status();
    if (*seen >= count) return absl::OkStatus();
    if (!AwaitReadable(changes.get(), deadline).ok()) {
      return absl::DeadlineExceededError(absl::StrCat(service, ": ", *seen, " requests, not ", count));
    }
    char events[4096];
    if (read(changes.get(), events, sizeof(events)) < 0) return ErrnoError(errno, "read inotify");
  }
}

}  // namespace sluice::lab
