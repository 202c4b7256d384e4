#include "netsvc/link/frame_queue.h"

#include "netsvc/base/big_endian.h"

namespace sluice::link {

bool FrameQueue::Push(std::span<const uint8_t> frame) {
  if (bytes().size() + kLengthSize + frame.size() > kMaxBytes) return false;
  // What was taken is given back once it is half of the buffer: each byte moves
  // once at most.
  if (head_ > bytes_.size() / 2) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
  uint8_t length[kLengthSize];
  Store32(length, static_cast<uint32_t>(frame.size()));
  bytes_.insert(bytes_.end(), length, length + kLengthSize);
  bytes_.insert(bytes_.end(), frame.begin(), frame.end());
  return true;
}

void FrameQueue::Clear() {
  bytes_.clear();
  head_ = 0;
}

void FrameQueue::Consume(size_t count) {
  head_ += count;
  if (empty()) Clear();
}

std::span<const uint8_t> FrameQueue::front() const {
  return bytes().subspan(kLengthSize, Load32(bytes().data()));
}

}  // namespace sluice::link
