#ifndef SLUICE_NETSVC_DNS_RDATA_H_
#define SLUICE_NETSVC_DNS_RDATA_H_

#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/base/ip_address.h"
#include "netsvc/dns/message_view.h"

// What stands inside a record's data. Like MessageView: in place, bounded.

namespace sluice::dns {

// Where the data of a type has names: fixed bytes, then character strings, then
// names, then anything. Types that are not known have no names (RFC 3597).
struct RdataLayout {
  uint8_t fixed = 0;
  uint8_t strings = 0;
  uint8_t names = 0;
  // Names may be written compressed: the types of RFC 1035 alone.
  bool compressible = false;
};
RdataLayout LayoutOf(uint16_t type);

// The address of an A or AAAA record; nothing where its length is wrong.
std::optional<IpAddress> AddressOf(const Record& record);

// The name that the data of a CNAME, DNAME, NS or PTR record is.
std::optional<WireName> TargetOf(const MessageView& message, const Record& record);

// The MINIMUM field of a SOA record, for how long negative answers live; nothing
// where the data is not two names and five numbers.
std::optional<uint32_t> MinimumOf(const MessageView& message, const Record& record);

// RFC 9460 section 14.3.2.
enum SvcParamKey : uint16_t { kSvcMandatory = 0, kSvcIpv4Hint = 4, kSvcEch = 5, kSvcIpv6Hint = 6 };

struct SvcParam {
  uint16_t key = 0;
  std::span<const uint8_t> value;
};

// The data of a SVCB or HTTPS record.
class SvcbReader {
 public:
  // Nothing where priority and target do not stand as they should.
  static std::optional<SvcbReader> Of(const MessageView& message, const Record& record);

  uint16_t priority() const { return priority_; }
  const WireName& target() const { return target_; }
  // The parameters, in strictly increasing order of their keys; false at the end
  // or where they are malformed.
  bool Next(SvcParam& param);
  bool malformed() const { return malformed_; }

 private:
  uint16_t priority_ = 0;
  WireName target_;
  std::span<const uint8_t> rest_;
  int last_key_ = -1;
  bool malformed_ = false;
};

// The OPT record: EDNS (RFC 6891).
class OptView {
 public:
  // Nothing where the owner is not the root or the options do not add up.
  static std::optional<OptView> Of(const Record& record);

  uint16_t udp_size() const { return udp_size_; }
  uint8_t version() const { return version_; }
  // The upper eight bits of the message's rcode.
  uint8_t extended_rcode() const { return extended_rcode_; }
  // The value of the first option with `code`.
  std::optional<std::span<const uint8_t>> Option(uint16_t code) const;

 private:
  uint16_t udp_size_ = 0;
  uint8_t version_ = 0;
  uint8_t extended_rcode_ = 0;
  std::span<const uint8_t> options_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_RDATA_H_
