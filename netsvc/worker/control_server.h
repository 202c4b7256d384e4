#ifndef SLUICE_NETSVC_WORKER_CONTROL_SERVER_H_
#define SLUICE_NETSVC_WORKER_CONTROL_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "netsvc/loop/event_loop.h"
#include "sluice/internal/v1/worker.pb.h"

namespace sluice {

// The worker's end of sluice.internal.v1: takes requests off a Unix stream
// socket, one at a time, and sends the answers back. One connection at a time; a
// new one ends the old. What is not of the protocol ends the connection. One
// thread, the loop's.
class ControlServer {
 public:
  static constexpr size_t kMaxMessage = 64 << 20;
  // On one request: a sandbox's block lists need most.
  static constexpr size_t kMaxDescriptors = 16;

  using Descriptors = std::vector<UniqueFd>;
  // An answer, and the descriptor that rides on it, if any.
  struct Answer {
    internal::v1::Response response;
    UniqueFd descriptor;
  };
  using Handler = std::function<Answer(const internal::v1::Request&, Descriptors)>;

  // `listener`: a listening Unix stream socket.
  ControlServer(EventLoop& loop, UniqueFd listener, Handler handler);

  // True while an answer waits for the peer to take it.
  bool sending() const { return !output_.empty(); }

 private:
  void OnAccept();
  void Watch(uint32_t events);
  void OnReady(uint32_t events);
  // False: the connection is over.
  bool Receive();
  bool HandleBuffered();
  bool Send();
  void Close();

  EventLoop& loop_;
  const UniqueFd listener_;
  const Handler handler_;
  std::unique_ptr<EventLoop::Handle> accept_watch_;

  UniqueFd connection_;
  std::unique_ptr<EventLoop::Handle> watch_;
  uint32_t watched_ = 0;  // events
  std::string input_;
  Descriptors descriptors_;  // of the request that is being received
  std::string output_;
  UniqueFd output_descriptor_;  // goes with the first byte of output_
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_CONTROL_SERVER_H_
