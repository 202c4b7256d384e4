#ifndef SLUICE_NETSVC_BASE_DOMAIN_NAME_H_
#define SLUICE_NETSVC_BASE_DOMAIN_NAME_H_

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// A DNS name in wire form (RFC 1035 section 3.1): length-prefixed labels, the
// root's zero byte last, ASCII letters in lower case. A value; default: the
// root. A dot or a NUL inside a label is a byte of that label.
class DomainName {
 public:
  static constexpr size_t kMaxWireSize = 255;  // RFC 1035 section 3.1, the root's byte included
  static constexpr size_t kMaxLabelSize = 63;

  DomainName() : wire_(1, '\0') {}

  // From uncompressed labels, ending with the root's zero byte. InvalidArgument
  // where lengths do not add up or exceed the limits.
  static absl::StatusOr<DomainName> FromWire(std::span<const uint8_t> wire);
  // From what a person writes: ASCII, or an IDN (converted to A-labels by
  // IDNA2008 with UTS 46 mapping). A trailing dot means nothing. No escapes.
  // InvalidArgument in words: empty name, empty label, label or name too long,
  // a character that no host name has.
  static absl::StatusOr<DomainName> FromText(absl::string_view text);

  // Lower-case wire form, root byte included.
  absl::string_view wire() const { return wire_; }
  bool is_root() const { return wire_.size() == 1; }
  int label_count() const;  // the root has none
  // True for `ancestor` itself and all names below it, on label boundaries.
  bool IsWithin(const DomainName& ancestor) const;
  // Without its first label. Not for the root.
  DomainName Parent() const;
  // Presentation form without a trailing dot; "." for the root. Bytes that are
  // not printable are \DDD, dots inside labels "\.".
  std::string ToString() const;

  friend auto operator<=>(const DomainName&, const DomainName&) = default;
  friend bool operator==(const DomainName&, const DomainName&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const DomainName& n) {
    return H::combine(std::move(h), n.wire_);
  }

 private:
  explicit DomainName(std::string wire) : wire_(std::move(wire)) {}

  std::string wire_;
};

// "example.com" or "*.example.com", as rules and block lists write it. A value.
struct DomainPattern {
  DomainName name;
  // "*.": covers `name` and every name below it.
  bool with_subdomains = false;

  // InvalidArgument in words. "*" alone is not a pattern.
  static absl::StatusOr<DomainPattern> Parse(absl::string_view text);
  bool Matches(const DomainName& other) const { return with_subdomains ? other.IsWithin(name) : other == name; }
  std::string ToString() const;

  friend bool operator==(const DomainPattern&, const DomainPattern&) = default;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_DOMAIN_NAME_H_
