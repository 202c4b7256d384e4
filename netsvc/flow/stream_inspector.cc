#include "netsvc/flow/stream_inspector.h"

#include <algorithm>

#include "netsvc/flow/http_request.h"
#include "netsvc/flow/tls_client_hello.h"

namespace sluice::flow {
namespace {

using Bytes = std::span<const uint8_t>;

// Record types (RFC 8446 section 5.1, RFC 6520).
constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kHeartbeat = 24;
constexpr uint8_t kMajorVersion = 3;

// A first byte with the top bit set. RFC 5246 appendix E.2: two bytes of length,
// then type 1 and the version. What is no such hello is known by its first byte
// that does not fit. Telnet begins with 0xff, which is no length of a hello.
Inspection InspectSsl2(Bytes prefix) {
  constexpr uint8_t kTelnetCommand = 0xff;
  constexpr uint8_t kClientHello = 1;
  if (prefix[0] == kTelnetCommand) return Inspection::Unknown();
  if (prefix.size() < 3) return Inspection::Undecided();
  if (prefix[2] != kClientHello) return Inspection::Unknown();
  if (prefix.size() < 4) return Inspection::Undecided();
  if (prefix[3] == kMajorVersion) return Inspection::Unreadable();
  if (prefix[3] != 0) return Inspection::Unknown();
  if (prefix.size() < 5) return Inspection::Undecided();
  return prefix[4] == 2 ? Inspection::Unreadable() : Inspection::Unknown();
}

// A record that no connection begins with, though OpenSSL passes over warnings.
Inspection InspectOtherRecord(Bytes prefix) {
  if (prefix.size() < 2) return Inspection::Undecided();
  return prefix[1] == kMajorVersion ? Inspection::Unreadable() : Inspection::Unknown();
}

Inspection Inspect(Bytes prefix) {
  if (prefix.empty()) return Inspection::Undecided();
  const uint8_t first = prefix[0];
  // Whatever version follows: servers are to ignore it (RFC 8446 section 5.1).
  if (first == kHandshake) return InspectTls(prefix);
  if (first >= kChangeCipherSpec && first <= kHeartbeat) return InspectOtherRecord(prefix);
  if (first & 0x80) return InspectSsl2(prefix);
  return InspectHttp(prefix);
}

}  // namespace

Inspection InspectStream(Bytes prefix) {
  Inspection inspection = Inspect(prefix.first(std::min(prefix.size(), kMaxInspected)));
  const bool exhausted = inspection.undecided() && prefix.size() >= kMaxInspected;
  return exhausted ? Inspection::Unreadable() : inspection;
}

}  // namespace sluice::flow
