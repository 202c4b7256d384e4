#ifndef SLUICE_CLIENTS_CLI_INPUT_PUMP_H_
#define SLUICE_CLIENTS_CLI_INPUT_PUMP_H_

#include <thread>

#include "clients/cli/window_watch.h"
#include "grpcpp/support/sync_stream.h"
#include "netsvc/base/unique_fd.h"
#include "sluice/v1/guest_service.pb.h"

namespace sluice::cli {

using ExecStream = grpc::ClientReaderWriter<v1::ExecRequest, v1::ExecResponse>;

// Copies a descriptor into an exec's input, on a thread of its own, until its
// end (told as stdin_closed), or until the call takes no more; and, where the
// program has a terminal, what becomes of our own window. While it lives nothing
// else writes to the stream.
class InputPump {
 public:
  // All outlive the pump. `window` may be null.
  InputPump(int fd, const WindowWatch* window, ExecStream& stream);
  // Stops reading at once. Waits for a write under way, which ends when the
  // guest takes it or the call ends.
  ~InputPump();
  InputPump(const InputPump&) = delete;
  InputPump& operator=(const InputPump&) = delete;

 private:
  void Run();
  // False once the call takes no more.
  bool SendInput();
  bool SendSize();

  const int fd_;
  const WindowWatch* const window_;
  bool ended_ = false;  // fd_
  ExecStream& stream_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_INPUT_PUMP_H_
