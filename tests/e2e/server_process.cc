#include "tests/e2e/server_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

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

// The port of the one loopback address in what the server printed.
uint16_t LoopbackPort(const std::string& line) {
  std::smatch match;
  uint32_t port = 0;
  if (!std::regex_search(line, match, std::regex(R"(127\.0\.0\.1:([0-9]+))"))) return 0;
  return absl::SimpleAtoi(match[1].str(), &port) ? static_cast<uint16_t>(port) : 0;
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
  std::unique_ptr<ServerProcess> server(new ServerProcess(*std::move(state_dir)));
  const std::string resolv_conf = options.resolv_conf.empty() ? lab.Path("resolv.conf") : options.resolv_conf;
  std::vector<std::string> argv = {Runfile("server/sluiced"),
                                   absl::StrCat("--state_dir=", server->state_dir_),
                                   absl::StrCat("--listen=", server->unix_address()),
                                   "--listen=127.0.0.1:0",
                                   "--allow_plaintext_tcp",
                                   absl::StrCat("--netsvc=", Runfile("netsvc/worker/sluice-netsvc")),
                                   absl::StrCat("--resolv_conf=", resolv_conf),
                                   "--stop_sandboxes_on_exit"};
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  absl::StatusOr<std::unique_ptr<lab::Process>> process = lab.Spawn(lab::Ns::kHost, argv);
  if (!process.ok()) return process.status();
  server->process_ = *std::move(process);
  if (absl::Status s = server->AwaitReady(); !s.ok()) return s;
  return server;
}

absl::Status ServerProcess::AwaitReady() {
  const absl::StatusOr<std::string> line = process_->ReadLine(kStartTimeout);
  if (!line.ok()) return absl::Status(line.status().code(), absl::StrCat("sluiced: ", line.status().message()));
  tcp_port_ = LoopbackPort(*line);
  if (tcp_port_ == 0) return absl::InternalError(absl::StrCat("sluiced says no TCP port: ", *line));
  return absl::OkStatus();
}

ServerProcess::~ServerProcess() {
  if (absl::Status s = Stop(); !s.ok()) fprintf(stderr, "sluiced: %s\n", s.ToString().c_str());
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
