#ifndef SLUICE_NETSVC_DNS_TEST_MESSAGE_H_
#define SLUICE_NETSVC_DNS_TEST_MESSAGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/message_writer.h"
#include "netsvc/dns/protocol.h"
#include "netsvc/dns/wire_name.h"

// DNS messages for tests: written a record a call, read as text.

namespace sluice::dns {

using Bytes = std::vector<uint8_t>;

// The case of `text` is kept; "." is the root.
WireName NameOf(absl::string_view text);

// A query as a stub resolver sends it: id 0x1234, RD.
Bytes QueryFor(absl::string_view name, uint16_t type);
// The same with EDNS and that UDP size.
Bytes EdnsQueryFor(absl::string_view name, uint16_t type, uint16_t udp_size = 1232);

// An upstream's answer under construction. Records go in the order of their
// sections, answer first; Authority() and Additional() move on.
class TestAnswer {
 public:
  TestAnswer(absl::string_view name, uint16_t type, uint16_t rcode = kNoError);
  TestAnswer(const TestAnswer&) = delete;

  TestAnswer& Authority() { return In(Section::kAuthority); }
  TestAnswer& Additional() { return In(Section::kAdditional); }
  TestAnswer& Ttl(uint32_t ttl);
  // An A or AAAA record.
  TestAnswer& Address(absl::string_view owner, absl::string_view address);
  TestAnswer& Cname(absl::string_view owner, absl::string_view target);
  TestAnswer& Soa(absl::string_view owner, uint32_t minimum);
  // Priority 1, target ".", the parameters as they stand on the wire.
  TestAnswer& Https(absl::string_view owner, std::span<const uint8_t> params);
  TestAnswer& Raw(absl::string_view owner, uint16_t type, std::span<const uint8_t> rdata, uint16_t rclass = kClassIn);

  Bytes bytes() const { return out_; }

 private:
  TestAnswer& In(Section section);

  Bytes out_;
  MessageWriter writer_;
  Section section_ = Section::kAnswer;
  uint32_t ttl_ = 300;
};

// One parameter of a SVCB record, on the wire.
Bytes SvcParamBytes(uint16_t key, std::span<const uint8_t> value);

// A message as one line: "NOERROR qr rd ra ? www.example.com A | www.example.com
// 300 A 192.0.2.1 | ...", sections parted by "||", OPT as "OPT 1232 EDE=15
// DNS_BLOCKED". "malformed" where it cannot be read to its end.
std::string ToText(std::span<const uint8_t> message);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_TEST_MESSAGE_H_
