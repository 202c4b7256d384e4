#include "netsvc/dns/rdata.h"

#include "netsvc/base/big_endian.h"

namespace sluice::dns {
namespace {

constexpr size_t kSoaNumbersSize = 20;  // serial, refresh, retry, expire, minimum
constexpr size_t kPairHeader = 4;  // 16 bits of key or code, 16 bits of length

// Takes one key, length, value off the front of `rest`; false where it does not
// fit.
bool TakePair(std::span<const uint8_t>& rest, uint16_t& key, std::span<const uint8_t>& value) {
  if (rest.size() < kPairHeader) return false;
  const size_t length = Load16(&rest[2]);
  if (rest.size() - kPairHeader < length) return false;
  key = Load16(&rest[0]);
  value = rest.subspan(kPairHeader, length);
  rest = rest.subspan(kPairHeader + length);
  return true;
}

bool HintFits(const SvcParam& param) {
  if (param.key == kSvcIpv4Hint) return !param.value.empty() && param.value.size() % IpAddress::kV4Size == 0;
  if (param.key == kSvcIpv6Hint) return !param.value.empty() && param.value.size() % IpAddress::kV6Size == 0;
  if (param.key == kSvcMandatory) return !param.value.empty() && param.value.size() % 2 == 0;
  return true;
}

}  // namespace

// The types of RFC 1035, and those that RFC 3597 section 4 and later RFCs name.
RdataLayout LayoutOf(uint16_t type) {
  switch (type) {
    case 2:   // NS
    case 3:   // MD
    case 4:   // MF
    case 5:   // CNAME
    case 7:   // MB
    case 8:   // MG
    case 9:   // MR
    case 12:  // PTR
      return {.names = 1, .compressible = true};
    case 6:   // SOA
    case 14:  // MINFO
      return {.names = 2, .compressible = true};
    case 15:  // MX
      return {.fixed = 2, .names = 1, .compressible = true};
    case 17:  // RP
    case 58:  // TALINK
      return {.names = 2};
    case 18:   // AFSDB
    case 21:   // RT
    case 36:   // KX
    case 107:  // LP
    case kTypeSvcb:
    case kTypeHttps:
      return {.fixed = 2, .names = 1};
    case 24:  // SIG
    case 46:  // RRSIG
      return {.fixed = 18, .names = 1};
    case 26:  // PX
      return {.fixed = 2, .names = 2};
    case 33:  // SRV
      return {.fixed = 6, .names = 1};
    case 35:  // NAPTR
      return {.fixed = 4, .strings = 3, .names = 1};
    case 30:  // NXT
    case 39:  // DNAME
    case 47:  // NSEC
      return {.names = 1};
    default:
      return {};
  }
}

std::optional<IpAddress> AddressOf(const Record& record) {
  if (record.type == kTypeA && record.rdata.size() == IpAddress::kV4Size) {
    return IpAddress::V4Bytes(record.rdata.first<IpAddress::kV4Size>());
  }
  if (record.type == kTypeAaaa && record.rdata.size() == IpAddress::kV6Size) {
    return IpAddress::V6Bytes(record.rdata.first<IpAddress::kV6Size>());
  }
  return std::nullopt;
}

std::optional<WireName> TargetOf(const MessageView& message, const Record& record) {
  WireName target;
  const std::optional<size_t> end = target.Read(message.bytes(), record.rdata_offset);
  if (end != record.rdata_offset + record.rdata.size()) return std::nullopt;
  return target;
}

std::optional<uint32_t> MinimumOf(const MessageView& message, const Record& record) {
  WireName name;
  const std::optional<size_t> owner_end = name.Read(message.bytes(), record.rdata_offset);
  const std::optional<size_t> mailbox_end = owner_end ? name.Read(message.bytes(), *owner_end) : std::nullopt;
  const size_t end = record.rdata_offset + record.rdata.size();
  if (!mailbox_end || *mailbox_end + kSoaNumbersSize != end) return std::nullopt;
  return Load32(&message.bytes()[end - sizeof(uint32_t)]);
}

std::optional<SvcbReader> SvcbReader::Of(const MessageView& message, const Record& record) {
  if (record.rdata.size() < 3) return std::nullopt;
  SvcbReader reader;
  reader.priority_ = Load16(&record.rdata[0]);
  const std::optional<size_t> end = reader.target_.Read(message.bytes(), record.rdata_offset + 2);
  if (!end || *end > record.rdata_offset + record.rdata.size()) return std::nullopt;
  reader.rest_ = record.rdata.subspan(*end - record.rdata_offset);
  return reader;
}

bool SvcbReader::Next(SvcParam& param) {
  if (malformed_ || rest_.empty()) return false;
  malformed_ = !TakePair(rest_, param.key, param.value) || param.key <= last_key_ || !HintFits(param);
  last_key_ = param.key;
  return !malformed_;
}

std::optional<OptView> OptView::Of(const Record& record) {
  if (record.type != kTypeOpt || record.name.bytes().size() != 1) return std::nullopt;
  OptView opt;
  opt.udp_size_ = record.rclass;
  opt.extended_rcode_ = static_cast<uint8_t>(record.ttl >> 24);
  opt.version_ = static_cast<uint8_t>(record.ttl >> 16);
  opt.options_ = record.rdata;
  uint16_t code;
  std::span<const uint8_t> value;
  for (std::span<const uint8_t> rest = record.rdata; !rest.empty();) {
    if (!TakePair(rest, code, value)) return std::nullopt;
  }
  return opt;
}

std::optional<std::span<const uint8_t>> OptView::Option(uint16_t code) const {
  uint16_t found;
  std::span<const uint8_t> value;
  for (std::span<const uint8_t> rest = options_; TakePair(rest, found, value);) {
    if (found == code) return value;
  }
  return std::nullopt;
}

}  // namespace sluice::dns
