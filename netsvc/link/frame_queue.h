#ifndef SLUICE_NETSVC_LINK_FRAME_QUEUE_H_
#define SLUICE_NETSVC_LINK_FRAME_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::link {

// Frames that wait for a guest to take them, the first come first. They lie
// behind one another, each after its length, 4 bytes big-endian: as QEMU and
// passt frame them on a stream. One thread.
class FrameQueue {
 public:
  // Lengths included. What one TCP flow may have under way is 64 KB.
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr size_t kLengthSize = 4;

  // False, and nothing changed, where it does not fit.
  bool Push(std::span<const uint8_t> frame);
  bool empty() const { return head_ == bytes_.size(); }
  void Clear();

  // As a stream: everything that waits, lengths included.
  std::span<const uint8_t> bytes() const { return std::span(bytes_).subspan(head_); }
  void Consume(size_t count);

  // Frame by frame; of a queue that is not empty, and never mixed with Consume.
  std::span<const uint8_t> front() const;
  void Pop() { Consume(kLengthSize + front().size()); }

 private:
  std::vector<uint8_t> bytes_;
  size_t head_ = 0;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_FRAME_QUEUE_H_
