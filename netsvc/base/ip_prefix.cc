#include "netsvc/base/ip_prefix.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "netsvc/base/decimal.h"
#include "netsvc/base/quote.h"

namespace sluice {
namespace {

IpAddress FromBytes(std::span<const uint8_t> bytes) {
  if (bytes.size() == IpAddress::kV4Size) return IpAddress::V4Bytes(bytes.first<IpAddress::kV4Size>());
  return IpAddress::V6Bytes(bytes.first<IpAddress::kV6Size>());
}

uint8_t MaskOfByte(int length, int byte) {
  const int bits = std::clamp(length - 8 * byte, 0, 8);
  return static_cast<uint8_t>(0xff00 >> bits);
}

}  // namespace

IpPrefix::IpPrefix(const IpAddress& address, int length) : length_(length) {
  std::array<uint8_t, IpAddress::kV6Size> masked{};
  const std::span<const uint8_t> bytes = address.bytes();
  for (size_t i = 0; i < bytes.size(); ++i) masked[i] = bytes[i] & MaskOfByte(length, static_cast<int>(i));
  address_ = FromBytes(std::span(masked).first(bytes.size()));
}

absl::StatusOr<IpPrefix> IpPrefix::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return absl::InvalidArgumentError(absl::StrCat(Quote(text), " is not an IP address or prefix"));
  if (slash == text.npos) return IpPrefix(*address, address->bits());
  const std::optional<uint32_t> length = ParseDecimal(text.substr(slash + 1));
  if (!length || *length > static_cast<uint32_t>(address->bits())) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(text), ": the prefix length must be 0 to ", address->bits()));
  }
  const IpPrefix prefix(*address, static_cast<int>(*length));
  if (prefix.address() != *address) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text), " has host bits set; did you mean ", prefix.ToString(), "?"));
  }
  return prefix;
}

bool IpPrefix::Contains(const IpAddress& address) const {
  if (address.is_v6() != address_.is_v6()) return false;
  const std::span<const uint8_t> ours = address_.bytes();
  const std::span<const uint8_t> theirs = address.bytes();
  const size_t whole = static_cast<size_t>(length_ / 8);
  if (!std::equal(ours.begin(), ours.begin() + whole, theirs.begin())) return false;
  if (whole == ours.size()) return true;
  return ((ours[whole] ^ theirs[whole]) & MaskOfByte(length_, static_cast<int>(whole))) == 0;
}

IpAddress IpPrefix::At(uint32_t index) const {
  std::array<uint8_t, IpAddress::kV6Size> bytes{};
  const std::span<const uint8_t> first = address_.bytes();
  std::copy(first.begin(), first.end(), bytes.begin());
  uint64_t carry = index;
  for (size_t i = first.size(); i-- > 0 && carry != 0;) {
    carry += bytes[i];
    bytes[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return FromBytes(std::span(bytes).first(first.size()));
}

std::string IpPrefix::ToString() const { return absl::StrCat(address_.ToString(), "/", length_); }

}  // namespace sluice
