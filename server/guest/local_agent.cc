#include "server/guest/local_agent.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "server/guest/run_program.h"
#include "server/worker/unix_socket.h"

namespace sluice {
namespace {

// Where deploy/setup.sh unpacks it.
constexpr char kAgent[] = "/var/cache/sluice/vm/usr/sbin/qemu-ga";
constexpr char kPath[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";  // and nothing else of the test's
constexpr absl::Duration kStartTimeout = absl::Seconds(20);

}  // namespace

LocalAgent::~LocalAgent() {
  if (pid_ > 0) KillChild(pid_);
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

absl::Status LocalAgent::Start() {
  if (unshare(CLONE_NEWNS) != 0) return ErrnoError(errno, "unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return ErrnoError(errno, "mount");
  // Short: a Unix socket's path has 107 bytes, and the agent takes no descriptor.
  std::string directory = "/tmp/sluice-agent-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return ErrnoError(errno, "mkdtemp");
  directory_ = directory;
  const auto pid = StartProgram({.program = "/usr/bin/env",
                                 .args = {"-i", kPath, kAgent, "--method=unix-listen", absl::StrCat("--path=", At("socket")),
                                          absl::StrCat("--statedir=", directory_), absl::StrCat("--pidfile=", At("pid"))}});
  if (!pid.ok()) return pid.status();
  pid_ = *pid;
  agent_ = std::make_shared<GuestAgent>([directory] { return ConnectUnix(directory, "socket"); });
  const absl::Time deadline = absl::Now() + kStartTimeout;
  absl::Status status = agent_->Ping();
  while (!status.ok() && absl::Now() < deadline) status = agent_->Ping();
  return status;
}

std::string LocalAgent::At(const std::string& path) const { return absl::StrCat(directory_, "/", path); }

}  // namespace sluice
