#ifndef SLUICE_NETSVC_LINK_STREAM_LINK_H_
#define SLUICE_NETSVC_LINK_STREAM_LINK_H_

#include <array>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/link/frame_queue.h"
#include "netsvc/link/link.h"

namespace sluice::link {

// A VMM that connects to a listening Unix stream socket and sends each frame
// after its length, 4 bytes big-endian (QEMU -netdev stream, passt).
//
// One peer at a time: others wait in the listener's backlog until it has gone.
// A peer that states a length that no frame has is out of step, and is
// disconnected. Frames that it does not take wait in a FrameQueue; what is past
// that is dropped.
class StreamLink : public Link {
 public:
  // `listener`: a listening Unix stream socket; made non-blocking.
  static absl::StatusOr<std::unique_ptr<StreamLink>> Create(UniqueFd listener);

  int fd() const override { return epoll_.get(); }
  absl::StatusOr<std::span<packet::Frame>> Read() override;
  void Write(std::span<const uint8_t> frame, const packet::Offload& offload) override;
  void Flush() override;
  bool offloads() const override { return false; }
  bool removable() const override { return false; }
  int descriptor() const override { return listener_.get(); }
  const Counters& counters() const override { return counters_; }

 private:
  StreamLink(UniqueFd listener, UniqueFd epoll);

  void Accept();
  void Disconnect();
  void Receive();
  std::span<packet::Frame> TakeFrames();
  bool HoldsFrame() const;
  void AwaitRoom(bool wanted);

  const UniqueFd listener_;
  // The listener while there is no peer, the peer while there is one.
  const UniqueFd epoll_;
  UniqueFd peer_;
  bool awaits_room_ = false;
  FrameQueue queue_;
  // What was received: bytes [taken_, received_) are not handed over yet.
  std::vector<uint8_t> buffer_;
  size_t taken_ = 0;
  size_t received_ = 0;
  std::array<packet::Frame, kMaxBatch> frames_;
  Counters counters_;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_STREAM_LINK_H_
