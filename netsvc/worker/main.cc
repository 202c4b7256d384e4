// sluice-netsvc: the network of one sandbox. Started by sluiced, one a sandbox,
// with a listening Unix socket through which it is told everything else.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/epoll_loop.h"
#include "netsvc/worker/control_server.h"
#include "netsvc/worker/worker.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

// A worker holds its guest's bytes: they are in no core file, and nobody attaches.
void HideMemory() {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

}  // namespace

int main(int argc, char** argv) {
  int control_fd = -1;
  CLI::App app("The network of one sandbox; sluiced starts it.");
  app.add_option("--control_fd", control_fd, "a listening Unix stream socket")->required();
  CLI11_PARSE(app, argc, argv);
  // The server, which reads it, says when and of which sandbox. Where nobody reads,
  // lines are lost.
  spdlog::set_default_logger(spdlog::stderr_logger_st("sluice-netsvc"));
  spdlog::set_pattern("%l: %v");
  HideMemory();
  signal(SIGPIPE, SIG_IGN);

  auto loop = sluice::EpollLoop::Create();
  if (!loop.ok()) {
    spdlog::error("no event loop: {}", std::string(loop.status().message()));
    return 1;
  }
  sluice::EpollLoop& turns = **loop;
  turns.OnSlowTurn([](const sluice::EpollLoop::SlowTurn& turn) {
    spdlog::warn("the sandbox waited: a turn of its worker began {:.1f} s late and took {:.1f} s",
                 absl::ToDoubleSeconds(turn.late), absl::ToDoubleSeconds(turn.worked));
  });
  sluice::Worker worker(turns, [&turns] { turns.Stop(); });
  sluice::ControlServer control(turns, sluice::UniqueFd(control_fd),
                                [&worker](const auto& request, sluice::ControlServer::Descriptors descriptors) {
                                  return worker.Handle(request, std::move(descriptors));
                                });
  turns.Run();
  return 0;
}
