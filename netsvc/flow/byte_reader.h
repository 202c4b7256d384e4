#ifndef SLUICE_NETSVC_FLOW_BYTE_READER_H_
#define SLUICE_NETSVC_FLOW_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::flow {

// Takes fields off the front of a message, integers in network order. A field
// that the message does not hold whole is zero or empty, and so is every one
// after it; ok() tells. A value; the bytes are the caller's.
class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }
  std::span<const uint8_t> rest() const { return rest_; }

  std::span<const uint8_t> Take(uint64_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const std::span<const uint8_t> taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  // An integer of `size` bytes, 8 at most.
  uint64_t Integer(size_t size) {
    uint64_t value = 0;
    for (const uint8_t byte : Take(size)) value = value << 8 | byte;
    return value;
  }

  // What an integer of `size` bytes in front of it says the length of (RFC 8446
  // section 3.4).
  std::span<const uint8_t> Vector(size_t size) { return Take(Integer(size)); }

 private:
  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_BYTE_READER_H_
