#ifndef SLUICE_NETSVC_DNS_INTERCEPTOR_ROW_H_
#define SLUICE_NETSVC_DNS_INTERCEPTOR_ROW_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "netsvc/dns/test_message.h"

namespace sluice::dns {

inline constexpr char kPublicOnly[] = "preset: PRESET_PUBLIC_ONLY";
inline constexpr char kAllowAll[] = "preset: PRESET_ALLOW_ALL";
inline constexpr char kPublicIp[] = "93.184.216.34";

// One row of the policy reference's table of DNS: what a query is answered with,
// what is recorded of it, and whether an upstream was asked.
struct InterceptorRow {
  std::string what;
  std::string policy = kPublicOnly;
  std::string config = "";
  Bytes query;
  Bytes answer = {};  // the upstream's; none: it fails
  // The reply and the event, as InterceptorFixture tells them.
  std::string reply;
  std::string event;
  bool asks_upstream = false;
  bool ipv6_route = true;
  bool ipv4_route = true;
};

void PrintTo(const InterceptorRow& row, std::ostream* out);

// Asks an interceptor of the row's own.
void ExpectRow(const InterceptorRow& row);

// An upstream's answer for web.test, and what the guest gets of it but for the
// header.
Bytes Web();
inline constexpr char kWebReply[] = " ? web.test A | web.test 300 A 93.184.216.34";

// A reply's text: its header, then `rest`.
std::string ReplyText(const std::string& rest, const std::string& rcode = "NOERROR");
// NXDOMAIN with an Extended DNS Error: "15 DNS_BLOCKED".
std::string DeniedText(const std::string& name, const std::string& type, const std::string& error);

// A message with two of its bytes replaced.
Bytes With(Bytes message, size_t offset, uint16_t value);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_INTERCEPTOR_ROW_H_
