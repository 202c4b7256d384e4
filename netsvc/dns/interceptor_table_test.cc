// The policy reference's table of DNS, row by row: what becomes of a query up to
// what its upstream says. Each denial stands beside its twin, the same query with
// one thing changed.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "netsvc/base/big_endian.h"
#include "netsvc/dns/interceptor_row.h"

namespace sluice::dns {
namespace {

using Row = InterceptorRow;

class InterceptorTableTest : public testing::TestWithParam<Row> {};

TEST_P(InterceptorTableTest, Answers) { ExpectRow(GetParam()); }

std::vector<Row> ShapeRows() {
  const Bytes web = QueryFor("web.test", kTypeA);
  Bytes two = With(web, 4, 2);
  two.insert(two.end(), web.begin() + kHeaderSize, web.end());
  Bytes cut = web;
  cut.pop_back();
  Bytes loop = web;
  Store16(&loop[kHeaderSize], 0xc00c);
  Bytes chaos = With(web, web.size() - 2, 3);
  Bytes badvers = EdnsQueryFor("web.test", kTypeA);
  badvers[badvers.size() - 5] = 1;
  Bytes two_opts = With(EdnsQueryFor("web.test", kTypeA), 10, 2);
  two_opts.insert(two_opts.end(), two_opts.end() - 11, two_opts.end());
  Bytes opt_first = With(With(EdnsQueryFor("web.test", kTypeA), 10, 0), 6, 1);
  return {
      {.what = "1 no header", .query = {1, 2, 3}, .reply = "", .event = " MALFORMED"},
      {.what = "1 a query",
       .query = web,
       .answer = Web(),
       .reply = ReplyText(kWebReply),
       .event = "NOERROR allowed 93.184.216.34",
       .asks_upstream = true},
      {.what = "2 a response",
       .query = With(web, 2, 0x8100),
       .reply = ReplyText("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 no question",
       .query = With(With(web, 4, 0), 2, 0x0100),
       .reply = ReplyText("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 two questions", .query = two, .reply = ReplyText("", "FORMERR"), .event = "FORMERR MALFORMED"},
      {.what = "2 opcode NOTIFY",
       .query = With(web, 2, 0x2100),
       .reply = ReplyText("", "NOTIMP"),
       .event = "NOTIMP MALFORMED"},
      {.what = "2 opcode UPDATE",
       .query = With(web, 2, 0x2900),
       .reply = ReplyText("", "NOTIMP"),
       .event = "NOTIMP MALFORMED"},
      {.what = "2 a name cut short", .query = cut, .reply = ReplyText("", "FORMERR"), .event = "FORMERR MALFORMED"},
      {.what = "2 a name that points at itself",
       .query = loop,
       .reply = ReplyText("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 two OPT records",
       .query = two_opts,
       .reply = ReplyText(" ? web.test A | | | OPT 1232 EDE=0 MALFORMED", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 OPT among the answers",
       .query = opt_first,
       .reply = ReplyText(" ? web.test A", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 EDNS version 1",
       .query = badvers,
       .reply = ReplyText(" ? web.test A | | | OPT 1232 RCODE+=16 EDE=0 UNSUPPORTED"),
       .event = "BADVERS UNSUPPORTED"},
      {.what = "3 class CH",
       .query = chaos,
       .reply = ReplyText(" ? web.test A", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 AXFR",
       .query = QueryFor("web.test", kTypeAxfr),
       .reply = ReplyText(" ? web.test AXFR", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 IXFR",
       .query = QueryFor("web.test", kTypeIxfr),
       .reply = ReplyText(" ? web.test IXFR", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 TYPE64000",
       .query = QueryFor("web.test", 64000),
       .answer = TestAnswer("web.test", 64000).bytes(),
       .reply = ReplyText(" ? web.test TYPE64000"),
       .event = "NOERROR allowed",
       .asks_upstream = true},
      {.what = "ANY",
       .query = QueryFor("web.test", kTypeAny),
       .reply = ReplyText(" ? web.test ANY | web.test 3600 HINFO 075246433834383200"),
       .event = "NOERROR allowed"},
      {.what = "ANY of a blocked name",
       .config = R"(blocked_domains: "web.test")",
       .query = QueryFor("web.test", kTypeAny),
       .reply = ReplyText(" ? web.test ANY", "NXDOMAIN"),
       .event = "NXDOMAIN DNS_BLOCKED"},
  };
}
INSTANTIATE_TEST_SUITE_P(Shape, InterceptorTableTest, testing::ValuesIn(ShapeRows()));

std::vector<Row> NameRows() {
  const Bytes web = EdnsQueryFor("web.test", kTypeA);
  const std::string passes = ReplyText(std::string(kWebReply) + " | | | OPT 1232");
  const std::string allowed = "NOERROR allowed 93.184.216.34";
  const std::string resolver_denied =
      R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-quad8" action: ACTION_DENY peers { cidr: "8.8.8.8" } })";
  const std::string other_denied =
      R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { cidr: "9.9.9.9" } })";
  const std::string no_peers = R"(preset: PRESET_PUBLIC_ONLY rules { id: "none" action: ACTION_DENY })";
  const std::string name_denied =
      R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-web" action: ACTION_DENY peers { domain: "*.test" } })";
  const std::string dotted_denied =
      R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-web" action: ACTION_DENY peers { domain: "WEB.Test." } })";
  const std::string ports_denied =
      R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_DENY peers { domain: "*.test" } ports { first: 80 } })";
  const std::string pypi =
      R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { domain: "*.test" } } rules { action: ACTION_DENY })";
  const std::string listed =
      R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "web.test" } ports { first: 443 } })";
  const std::string public_443 =
      R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PUBLIC } protocols: PROTOCOL_TCP ports { first: 443 } })";
  const auto passing = [&](std::string what, std::string policy, std::string config = "") {
    return Row{.what = what,
               .policy = policy,
               .config = config,
               .query = web,
               .answer = Web(),
               .reply = passes,
               .event = allowed,
               .asks_upstream = true};
  };
  const auto denied = [&](std::string what, std::string policy, std::string config, std::string error,
                          std::string reason) {
    return Row{.what = what,
               .policy = policy,
               .config = config,
               .query = web,
               .answer = Web(),
               .reply = DeniedText("web.test", "A", error),
               .event = "NXDOMAIN " + reason};
  };
  return {
      denied("4 the resolver is denied", resolver_denied, "", "17 RULE no-quad8", "RULE"),
      passing("4 another resolver is denied", other_denied),
      denied("5 blocked", kPublicOnly, R"(blocked_domains: "web.test")", "15 DNS_BLOCKED", "DNS_BLOCKED"),
      denied("5 blocked below", kPublicOnly, R"(blocked_domains: "*.test")", "15 DNS_BLOCKED", "DNS_BLOCKED"),
      denied("5 blocked in spite of a rule", listed, R"(blocked_domains: "WEB.test.")", "15 DNS_BLOCKED",
             "DNS_BLOCKED"),
      denied("5 blocked under allow all", kAllowAll, R"(blocked_domains: "web.test")", "15 DNS_BLOCKED", "DNS_BLOCKED"),
      passing("5 a name below the blocked one", kPublicOnly, R"(blocked_domains: "a.web.test")"),
      passing("5 not on a label's boundary", kPublicOnly, R"(blocked_domains: "*.b.test" blocked_domains: "eb.test")"),
      passing("5 the name above", kPublicOnly, R"(blocked_domains: "test")"),
      denied("6 a rule denies the name", name_denied, "", "17 RULE no-web", "RULE"),
      denied("6 a rule denies the name, dotted and in capitals", dotted_denied, "", "17 RULE no-web", "RULE"),
      denied("6 a rule denies everything", no_peers, "", "17 RULE none", "RULE"),
      passing("6 only a port of the name is denied", ports_denied),
      passing("6 allowed ahead of deny anything", pypi),
      passing("6 on the allowlist", listed),
      denied("6 not on the allowlist", "preset: PRESET_ALLOWLIST", "", "17 DEFAULT", "DEFAULT"),
      passing("6 allowlist of all that is public", public_443),
      {.what = "canary",
       .policy = kAllowAll,
       .query = EdnsQueryFor("use-application-dns.net", kTypeA),
       .reply = DeniedText("use-application-dns.net", "A", "15 DNS_BLOCKED"),
       .event = "NXDOMAIN DNS_BLOCKED"},
      {.what = "7 the gateway",
       .query = QueryFor("HOST.sluice.internal", kTypeA),
       .reply = ReplyText(" ? HOST.sluice.internal A | HOST.sluice.internal 60 A 10.0.2.2"),
       .event = "NOERROR allowed 10.0.2.2"},
      {.what = "7 the gateway over IPv6",
       .query = QueryFor("host.sluice.internal", kTypeAaaa),
       .reply = ReplyText(" ? host.sluice.internal AAAA | host.sluice.internal 60 AAAA fd73:6c75:6963:1::2"),
       .event = "NOERROR allowed fd73:6c75:6963:1::2"},
      {.what = "7 the gateway has no other records",
       .query = QueryFor("host.sluice.internal", kTypeMx),
       .reply = ReplyText(" ? host.sluice.internal MX"),
       .event = "NOERROR allowed"},
      {.what = "8 AAAA without a route",
       .query = QueryFor("web.test", kTypeAaaa),
       .reply = ReplyText(" ? web.test AAAA"),
       .event = "NOERROR allowed",
       .ipv6_route = false},
      {.what = "8 AAAA with a route",
       .query = QueryFor("web.test", kTypeAaaa),
       .answer = TestAnswer("web.test", kTypeAaaa).Address("web.test", "2606:2800:220:1::1").bytes(),
       .reply = ReplyText(" ? web.test AAAA | web.test 300 AAAA 2606:2800:220:1::1"),
       .event = "NOERROR allowed 2606:2800:220:1::1",
       .asks_upstream = true},
      {.what = "8 A without a route",
       .query = QueryFor("web.test", kTypeA),
       .reply = ReplyText(" ? web.test A"),
       .event = "NOERROR allowed",
       .ipv4_route = false},
      {.what = "8 MX without any route",
       .query = QueryFor("web.test", kTypeMx),
       .answer = TestAnswer("web.test", kTypeMx).bytes(),
       .reply = ReplyText(" ? web.test MX"),
       .event = "NOERROR allowed",
       .asks_upstream = true,
       .ipv6_route = false,
       .ipv4_route = false},
      {.what = "8 the gateway needs no route",
       .query = QueryFor("host.sluice.internal", kTypeAaaa),
       .reply = ReplyText(" ? host.sluice.internal AAAA | host.sluice.internal 60 AAAA fd73:6c75:6963:1::2"),
       .event = "NOERROR allowed fd73:6c75:6963:1::2",
       .ipv6_route = false},
      {.what = "9 the upstream fails",
       .query = web,
       .reply = ReplyText(" ? web.test A | | | OPT 1232 EDE=23 no upstream", "SERVFAIL"),
       .event = "SERVFAIL allowed",
       .asks_upstream = true},
      {.what = "9 the name is not there",
       .query = web,
       .answer = TestAnswer("web.test", kTypeA, kNxDomain).Authority().Soa("test", 60).bytes(),
       .reply = ReplyText(" ? web.test A | | test 300 SOA 026e73c0100561646d696ec0100000000100000e10000002580001518"
                      "00000003c | | OPT 1232",
                      "NXDOMAIN"),
       .event = "NXDOMAIN allowed",
       .asks_upstream = true},
  };
}
INSTANTIATE_TEST_SUITE_P(Name, InterceptorTableTest, testing::ValuesIn(NameRows()));

}  // namespace
}  // namespace sluice::dns
