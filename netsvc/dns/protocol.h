#ifndef SLUICE_NETSVC_DNS_PROTOCOL_H_
#define SLUICE_NETSVC_DNS_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <string>

// Numbers of the DNS (IANA, "Domain Name System (DNS) Parameters") and the names
// that people know them by.

namespace sluice::dns {

inline constexpr uint16_t kPort = 53;
inline constexpr size_t kHeaderSize = 12;          // RFC 1035 section 4.1.1
inline constexpr size_t kMaxMessageSize = 65'535;  // the length prefix of TCP
inline constexpr size_t kMinUdpSize = 512;         // RFC 1035 section 4.2.1: without EDNS
inline constexpr uint16_t kOurUdpSize = 1232;      // what we offer in EDNS (DNS flag day 2020)
inline constexpr uint16_t kClassIn = 1;

enum RecordType : uint16_t {
  kTypeA = 1,
  kTypeNs = 2,
  kTypeCname = 5,
  kTypeSoa = 6,
  kTypePtr = 12,
  kTypeHinfo = 13,
  kTypeMx = 15,
  kTypeTxt = 16,
  kTypeAaaa = 28,
  kTypeSrv = 33,
  kTypeDname = 39,
  kTypeOpt = 41,
  kTypeSvcb = 64,
  kTypeHttps = 65,
  kTypeTsig = 250,
  kTypeIxfr = 251,
  kTypeAxfr = 252,
  kTypeAny = 255,
};

enum Opcode : uint8_t { kOpcodeQuery = 0 };

enum Rcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,  // RFC 6891: with EDNS alone
};

// The header's flags, as they stand in its second 16 bits.
inline constexpr uint16_t kFlagResponse = 0x8000;
inline constexpr uint16_t kFlagTruncated = 0x0200;
inline constexpr uint16_t kFlagRecursionDesired = 0x0100;
inline constexpr uint16_t kFlagRecursionAvailable = 0x0080;
inline constexpr uint16_t kFlagCheckingDisabled = 0x0010;

// RFC 8914 section 4.
enum ExtendedErrorCode : uint16_t {
  kOtherError = 0,
  kBlocked = 15,
  kFiltered = 17,
  kProhibited = 18,
  kNoReachableAuthority = 22,
  kNetworkError = 23,
};

// Types that ask for something other than a type of record: OPT, and those of
// RFC 6895 section 3.1 (128 to 254; ANY is answered).
inline constexpr bool IsMetaType(uint16_t type) { return type == 0 || type == kTypeOpt || (type >= 128 && type < 255); }

// "A", "HTTPS", ...; "TYPE1234" (RFC 3597) for one that has no name here.
std::string TypeName(uint16_t type);

// "NOERROR", "NXDOMAIN", ...; "RCODE12" for one that has no name here.
std::string RcodeName(uint16_t rcode);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_PROTOCOL_H_
