#ifndef SLUICE_NETSVC_DNS_WIRE_NAME_H_
#define SLUICE_NETSVC_DNS_WIRE_NAME_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/base/domain_name.h"

namespace sluice::dns {

// A name as it stands in a message: uncompressed wire form, its case kept. A
// value that holds its bytes itself; default: the root.
class WireName {
 public:
  WireName() = default;
  explicit WireName(const DomainName& name);

  // Reads the name that starts at `offset`, following compression pointers.
  // Returns the offset behind it in place; nothing, and the root, where the name
  // is malformed: it leaves the message, is longer than 255 bytes, or has a
  // label type other than plain and pointer. Every pointer leads strictly
  // before the labels that led to it, so reading ends.
  std::optional<size_t> Read(std::span<const uint8_t> message, size_t offset);

  std::span<const uint8_t> bytes() const { return {bytes_.data(), size_}; }
  DomainName ToDomainName() const;

 private:
  bool Append(std::span<const uint8_t> message, size_t& at);

  std::array<uint8_t, DomainName::kMaxWireSize> bytes_{};
  uint8_t size_ = 1;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_WIRE_NAME_H_
