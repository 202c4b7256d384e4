#include "netsvc/dns/wire_name.h"

#include <algorithm>

#include "netsvc/base/big_endian.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

constexpr uint8_t kPointerBits = 0xc0;  // RFC 1035 section 4.1.4
constexpr uint16_t kPointerOffset = 0x3fff;

}  // namespace

WireName::WireName(const DomainName& name) : size_(static_cast<uint8_t>(name.wire().size())) {
  std::copy(name.wire().begin(), name.wire().end(), bytes_.begin());
}

// Copies plain labels from `at` on, up to the root or a pointer, which `at` then
// stands on.
bool WireName::Append(std::span<const uint8_t> message, size_t& at) {
  while (at < message.size()) {
    const size_t length = message[at];
    if (length == 0 || (length & kPointerBits) == kPointerBits) return true;
    if (length > DomainName::kMaxLabelSize || at + 1 + length > message.size()) return false;
    // One byte stays free for the root.
    if (size_ + 1 + length >= bytes_.size()) return false;
    std::copy_n(message.begin() + at, 1 + length, bytes_.begin() + size_);
    size_ += static_cast<uint8_t>(1 + length);
    at += 1 + length;
  }
  return false;
}

std::optional<size_t> WireName::Read(std::span<const uint8_t> message, size_t offset) {
  std::optional<size_t> end;
  size_t at = offset;
  size_t run = offset;  // where the labels being read began
  size_ = 0;
  while (Append(message, at)) {
    if (message[at] == 0) {
      bytes_[size_++] = 0;
      return end.value_or(at + 1);
    }
    if (at + 2 > message.size()) break;
    if (!end) end = at + 2;
    const size_t target = Load16(&message[at]) & kPointerOffset;
    if (target >= run || target < kHeaderSize) break;
    run = at = target;
  }
  bytes_[0] = 0;
  size_ = 1;
  return std::nullopt;
}

DomainName WireName::ToDomainName() const { return DomainName::FromWire(bytes()).value_or(DomainName()); }

}  // namespace sluice::dns
