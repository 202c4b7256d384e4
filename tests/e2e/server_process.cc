#include "tests/e2e/server_process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice::e2e {
namespace {

// Short: a Unix socket's path has 107 bytes.
absl::StatusOr<std::string> MakeStateDir() {
  std::string path = "/tmp/sluice-e2e-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return ErrnoError(errno, "mkdtemp");
  return path;
}

// The port of the loopback address that follows `where` in what the server printed.
uint16_t LoopbackPort(const std::string& line, const std::string& where) {
  std::smatch match;
  uint32_t port = 0;
  if (!std::regex_search(line, match, std::regex(where + R"(127\.0\.0\.1:([0-9]+))"))) return 0;
  return absl::SimpleAtoi(match[1].str(), &port) ? static_cast<uint16_t>(port) : 0;
}

// A file system of its own, which goes when the test's process does.
absl::Status MountDisk(const std::string& path, uint64_t bytes) {
  if (mkdir(path.c_str(), 0700) != 0) return ErrnoError(errno, absl::StrCat("mkdir ", path));
  if (unshare(CLONE_NEWNS) != 0) return ErrnoError(errno, "unshare");
  if (mount("", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return ErrnoError(errno, "making mounts private");
  const std::string size = absl::StrCat("size=", bytes);
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, size.c_str()) == 0) return absl::OkStatus();
  return ErrnoError(errno, absl::StrCat("mount ", path));
}

}  // namespace

std::string Runfile(absl::string_view path) {
  const char* const root = getenv("TEST_SRCDIR");
  const char* const workspace = getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) return absl::StrCat("bazel-bin/", path);
  return absl::StrCat(root, "/", workspace, "/", path);
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const lab::Lab& lab) {
  return Start(lab, Options{});
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const lab::Lab& lab, const Options& options) {
  absl::StatusOr<std::string> state_dir = MakeStateDir();
  if (!state_dir.ok()) return state_dir.status();
  std::unique_ptr<ServerProcess> server(new ServerProcess(lab, *std::move(state_dir)));
  if (options.audit_disk_bytes != 0) {
    absl::Status mounted = MountDisk(server->state_dir_ + "/audit", options.audit_disk_bytes);
    if (!mounted.ok()) return mounted;
  }
  const std::string resolv_conf = options.resolv_conf.empty() ? lab.Path("resolv.conf") : options.resolv_conf;
  std::vector<std::string>& argv = server->argv_;
  argv = {Runfile("server/sluiced"),
                                   absl::StrCat("--state_dir=", server->state_dir_),
                                   absl::StrCat("--listen=", server->unix_address()),
                                   "--listen=127.0.0.1:0",
                                   "--allow_plaintext_tcp",
                                   absl::StrCat("--netsvc=", Runfile("netsvc/worker/sluice-netsvc")),
                                   absl::StrCat("--resolv_conf=", resolv_conf)};
  if (!options.leave_sandboxes) argv.push_back("--stop_sandboxes_on_exit");
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  if (absl::Status s = server->Spawn(); !s.ok()) return s;
  return server;
}

absl::Status ServerProcess::Spawn() {
  absl::StatusOr<std::unique_ptr<lab::Process>> process = lab_.Spawn(lab::Ns::kHost, argv_);
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  return AwaitReady();
}

absl::Status ServerProcess::End(int signal) {
  if (absl::Status s = process_->Signal(signal); !s.ok()) return s;
  return process_->Wait(kStopTimeout).status();
}

absl::Status ServerProcess::KillAndRestart() {
  if (absl::Status s = End(SIGKILL); !s.ok()) return s;
  return Spawn();
}

absl::Status ServerProcess::AwaitReady() {
  const absl::StatusOr<std::string> line = process_->ReadLine(kStartTimeout);
  if (!line.ok()) return absl::Status(line.status().code(), absl::StrCat("sluiced: ", line.status().message()));
  tcp_port_ = LoopbackPort(*line, "");
  metrics_port_ = LoopbackPort(*line, "metrics on ");
  if (tcp_port_ == 0) return absl::InternalError(absl::StrCat("sluiced says no TCP port: ", *line));
  return absl::OkStatus();
}

ServerProcess::~ServerProcess() {
  if (absl::Status s = Stop(); !s.ok()) fprintf(stderr, "sluiced: %s\n", s.ToString().c_str());
  umount2((state_dir_ + "/audit").c_str(), MNT_DETACH);  // where a disk was mounted
  std::error_code error;
  std::filesystem::remove_all(state_dir_, error);
  if (error) fprintf(stderr, "%s: %s\n", state_dir_.c_str(), error.message().c_str());
}

absl::Status ServerProcess::Stop() {
  if (stopped_ || process_ == nullptr) return absl::OkStatus();
  stopped_ = true;
  // ESRCH or an exit code tell of a server that ended by itself.
  if (absl::Status s = process_->Signal(SIGTERM); !s.ok()) return s;
  const absl::StatusOr<int> code = process_->Wait(kStopTimeout);
  if (!code.ok()) return code.status();
  if (*code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("it exited with ", *code));
}

std::string ServerProcess::socket_path() const { return absl::StrCat(state_dir_, "/api.sock"); }

std::string ServerProcess::unix_address() const { return absl::StrCat("unix:", socket_path()); }

}  // namespace sluice::e2e
