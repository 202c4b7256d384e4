#ifndef SLUICE_NETSVC_BASE_IP_PREFIX_H_
#define SLUICE_NETSVC_BASE_IP_PREFIX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/ip_address.h"

namespace sluice {

// A block of addresses of one family: 203.0.113.0/24. A value; default
// 0.0.0.0/0. No bit past the length is set.
class IpPrefix {
 public:
  IpPrefix() = default;
  // Bits past `length` are cleared. 0 <= length <= address.bits().
  IpPrefix(const IpAddress& address, int length);
  // "ADDRESS/LENGTH" or one address. InvalidArgument, in words for the one who
  // wrote it: not an address, length out of range, host bits set.
  static absl::StatusOr<IpPrefix> Parse(absl::string_view text);

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  // False for an address of the other family.
  bool Contains(const IpAddress& address) const;
  // The address `index` places after the first. The caller keeps it inside.
  IpAddress At(uint32_t index) const;
  std::string ToString() const;

  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_IP_PREFIX_H_
