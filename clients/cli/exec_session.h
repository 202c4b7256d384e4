#ifndef SLUICE_CLIENTS_CLI_EXEC_SESSION_H_
#define SLUICE_CLIENTS_CLI_EXEC_SESSION_H_

#include <optional>

#include "clients/cli/client.h"
#include "clients/cli/signal_watch.h"
#include "clients/cli/window_watch.h"
#include "grpcpp/support/status.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice::cli {

// How an exec ended: in this order, what is set first is what counts.
struct ExecOutcome {
  // What the program ended with.
  std::optional<v1::ExecExit> exit;
  // The signal that made us cancel it: ours, or SIGPIPE where nobody reads our
  // output any more.
  int cancelled_by = 0;
  // Why there is neither.
  grpc::Status status;
};

// Runs a program in a guest with our own standard input, output and error.
// Blocks until it ended, or was cancelled by a signal that `signals` caught.
// With a terminal, our own is raw meanwhile, and the guest's has the size of
// `window`; it is null without one.
ExecOutcome Exec(Client& client, const v1::ExecStart& start, SignalWatch& signals, const WindowWatch* window);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_EXEC_SESSION_H_
