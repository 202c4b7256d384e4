#include "netsvc/dns/interceptor_row.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/interceptor_fixture.h"

namespace sluice::dns {

void PrintTo(const InterceptorRow& row, std::ostream* out) { *out << row.what; }

void ExpectRow(const InterceptorRow& row) {
  InterceptorFixture fixture(row.policy, row.config);
  fixture.ipv6_route = row.ipv6_route;
  fixture.ipv4_route = row.ipv4_route;
  const std::string reply = row.answer.empty() ? fixture.Ask(row.query) : fixture.Ask(row.query, row.answer);
  EXPECT_EQ(reply, row.reply);
  EXPECT_EQ(fixture.LastEvent(), row.event);
  EXPECT_EQ(!fixture.upstream.asked().empty(), row.asks_upstream);
  EXPECT_EQ(fixture.events.size(), 1u);
}

Bytes Web() { return TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).bytes(); }

std::string ReplyText(const std::string& rest, const std::string& rcode) { return rcode + " qr rd ra" + rest; }

std::string DeniedText(const std::string& name, const std::string& type, const std::string& error) {
  return ReplyText(absl::StrCat(" ? ", name, " ", type, " | | | OPT 1232 EDE=", error), "NXDOMAIN");
}

Bytes With(Bytes message, size_t offset, uint16_t value) {
  Store16(&message[offset], value);
  return message;
}

}  // namespace sluice::dns
