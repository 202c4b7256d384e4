#ifndef SLUICE_NETSVC_FLOW_HELD_STREAM_H_
#define SLUICE_NETSVC_FLOW_HELD_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "netsvc/loop/event_loop.h"
#include "netsvc/packet/packet.h"

namespace sluice::flow {

// What the held bytes of all flows together may take.
struct HoldBudget {
  static constexpr size_t kMaxBytes = 4 << 20;

  size_t bytes = 0;
};

// The first bytes that a guest sent on a TCP flow, in sequence, kept until it is
// known what they are. Segments out of order are left to be sent again; of those
// that overlap, what came first stays. One thread; the budget outlives it.
class HeldStream {
 public:
  // Segments that may add something, however small they are.
  static constexpr int kMaxSegments = 4096;

  enum class Added : uint8_t {
    kSomething,
    kNothing,  // a gap is before it, or all of it was there
    kNoRoom,   // kMaxSegments, or the budget
  };

  // `start`: sequence number of the flow's first byte.
  HeldStream(uint32_t start, HoldBudget& budget) : start_(start), budget_(budget) {}
  ~HeldStream() { budget_.bytes -= bytes_.size(); }
  HeldStream(const HeldStream&) = delete;
  HeldStream& operator=(const HeldStream&) = delete;

  Added Add(const packet::Packet& segment);

  std::span<const uint8_t> bytes() const { return bytes_; }
  // The guest's FIN follows the last byte.
  bool finished() const { return finished_; }
  // What has not gone on yet, and the sequence number of its first byte.
  std::span<const uint8_t> unforwarded() const { return bytes().subspan(forwarded_); }
  uint32_t forward_sequence() const { return start_ + static_cast<uint32_t>(forwarded_); }
  void MarkForwarded() { forwarded_ = bytes_.size(); }

  // The sequence number that is to come next, past the FIN where there is one.
  uint32_t next() const { return start_ + static_cast<uint32_t>(bytes_.size()) + finished_; }

  // Its owner's: a frame with the headers of the last segment, and what waits for
  // the guest to go on.
  std::vector<uint8_t> header;
  std::unique_ptr<EventLoop::Handle> pause;

 private:
  const uint32_t start_;
  HoldBudget& budget_;
  std::vector<uint8_t> bytes_;
  size_t forwarded_ = 0;
  int segments_ = 0;
  bool finished_ = false;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_HELD_STREAM_H_
