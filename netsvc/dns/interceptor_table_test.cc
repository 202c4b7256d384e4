// The policy reference's table of DNS, row by row: what a query is answered
// with, what is recorded of it, and whether an upstream was asked. Each denial
// stands beside its twin, the same query with one thing changed.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/interceptor_fixture.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

constexpr char kPublicOnly[] = "preset: PRESET_PUBLIC_ONLY";
constexpr char kAllowAll[] = "preset: PRESET_ALLOW_ALL";
constexpr char kPublicIp[] = "93.184.216.34";

struct Row {
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

void PrintTo(const Row& row, std::ostream* out) { *out << row.what; }

Bytes Web() { return TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).bytes(); }

std::string Reply(const std::string& rest, const std::string& rcode = "NOERROR") { return rcode + " qr rd ra" + rest; }

// A query with its header's flags or counts replaced.
Bytes With(Bytes query, size_t offset, uint16_t value) {
  Store16(&query[offset], value);
  return query;
}

std::string Denied(const std::string& name, const std::string& type, const std::string& error) {
  return Reply(absl::StrCat(" ? ", name, " ", type, " | | | OPT 1232 EDE=", error), "NXDOMAIN");
}

class InterceptorTableTest : public testing::TestWithParam<Row> {};

TEST_P(InterceptorTableTest, Answers) {
  const Row& row = GetParam();
  InterceptorFixture fixture(row.policy, row.config);
  fixture.ipv6_route = row.ipv6_route;
  fixture.ipv4_route = row.ipv4_route;
  const std::string reply = row.answer.empty() ? fixture.Ask(row.query) : fixture.Ask(row.query, row.answer);
  EXPECT_EQ(reply, row.reply);
  EXPECT_EQ(fixture.LastEvent(), row.event);
  EXPECT_EQ(!fixture.upstream.asked().empty(), row.asks_upstream);
  EXPECT_EQ(fixture.events.size(), 1u);
}

const std::string kWebReply = " ? web.test A | web.test 300 A 93.184.216.34";

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
       .reply = Reply(kWebReply),
       .event = "NOERROR allowed 93.184.216.34",
       .asks_upstream = true},
      {.what = "2 a response",
       .query = With(web, 2, 0x8100),
       .reply = Reply("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 no question",
       .query = With(With(web, 4, 0), 2, 0x0100),
       .reply = Reply("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 two questions", .query = two, .reply = Reply("", "FORMERR"), .event = "FORMERR MALFORMED"},
      {.what = "2 opcode NOTIFY",
       .query = With(web, 2, 0x2100),
       .reply = Reply("", "NOTIMP"),
       .event = "NOTIMP MALFORMED"},
      {.what = "2 opcode UPDATE",
       .query = With(web, 2, 0x2900),
       .reply = Reply("", "NOTIMP"),
       .event = "NOTIMP MALFORMED"},
      {.what = "2 a name cut short", .query = cut, .reply = Reply("", "FORMERR"), .event = "FORMERR MALFORMED"},
      {.what = "2 a name that points at itself",
       .query = loop,
       .reply = Reply("", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 two OPT records",
       .query = two_opts,
       .reply = Reply(" ? web.test A | | | OPT 1232 EDE=0 MALFORMED", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 OPT among the answers",
       .query = opt_first,
       .reply = Reply(" ? web.test A", "FORMERR"),
       .event = "FORMERR MALFORMED"},
      {.what = "2 EDNS version 1",
       .query = badvers,
       .reply = Reply(" ? web.test A | | | OPT 1232 RCODE+=16 EDE=0 UNSUPPORTED"),
       .event = "BADVERS UNSUPPORTED"},
      {.what = "3 class CH",
       .query = chaos,
       .reply = Reply(" ? web.test A", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 AXFR",
       .query = QueryFor("web.test", kTypeAxfr),
       .reply = Reply(" ? web.test AXFR", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 IXFR",
       .query = QueryFor("web.test", kTypeIxfr),
       .reply = Reply(" ? web.test IXFR", "REFUSED"),
       .event = "REFUSED UNSUPPORTED"},
      {.what = "3 TYPE64000",
       .query = QueryFor("web.test", 64000),
       .answer = TestAnswer("web.test", 64000).bytes(),
       .reply = Reply(" ? web.test TYPE64000"),
       .event = "NOERROR allowed",
       .asks_upstream = true},
      {.what = "ANY",
       .query = QueryFor("web.test", kTypeAny),
       .reply = Reply(" ? web.test ANY | web.test 3600 HINFO 075246433834383200"),
       .event = "NOERROR allowed"},
      {.what = "ANY of a blocked name",
       .config = R"(blocked_domains: "web.test")",
       .query = QueryFor("web.test", kTypeAny),
       .reply = Reply(" ? web.test ANY", "NXDOMAIN"),
       .event = "NXDOMAIN DNS_BLOCKED"},
  };
}
INSTANTIATE_TEST_SUITE_P(Shape, InterceptorTableTest, testing::ValuesIn(ShapeRows()));

std::vector<Row> NameRows() {
  const Bytes web = EdnsQueryFor("web.test", kTypeA);
  const std::string passes = Reply(kWebReply + " | | | OPT 1232");
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
               .reply = Denied("web.test", "A", error),
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
       .reply = Denied("use-application-dns.net", "A", "15 DNS_BLOCKED"),
       .event = "NXDOMAIN DNS_BLOCKED"},
      {.what = "7 the gateway",
       .query = QueryFor("HOST.sluice.internal", kTypeA),
       .reply = Reply(" ? HOST.sluice.internal A | HOST.sluice.internal 60 A 10.0.2.2"),
       .event = "NOERROR allowed 10.0.2.2"},
      {.what = "7 the gateway over IPv6",
       .query = QueryFor("host.sluice.internal", kTypeAaaa),
       .reply = Reply(" ? host.sluice.internal AAAA | host.sluice.internal 60 AAAA fd73:6c75:6963:1::2"),
       .event = "NOERROR allowed fd73:6c75:6963:1::2"},
      {.what = "7 the gateway has no other records",
       .query = QueryFor("host.sluice.internal", kTypeMx),
       .reply = Reply(" ? host.sluice.internal MX"),
       .event = "NOERROR allowed"},
      {.what = "8 AAAA without a route",
       .query = QueryFor("web.test", kTypeAaaa),
       .reply = Reply(" ? web.test AAAA"),
       .event = "NOERROR allowed",
       .ipv6_route = false},
      {.what = "8 AAAA with a route",
       .query = QueryFor("web.test", kTypeAaaa),
       .answer = TestAnswer("web.test", kTypeAaaa).Address("web.test", "2606:2800:220:1::1").bytes(),
       .reply = Reply(" ? web.test AAAA | web.test 300 AAAA 2606:2800:220:1::1"),
       .event = "NOERROR allowed 2606:2800:220:1::1",
       .asks_upstream = true},
      {.what = "8 A without a route",
       .query = QueryFor("web.test", kTypeA),
       .reply = Reply(" ? web.test A"),
       .event = "NOERROR allowed",
       .ipv4_route = false},
      {.what = "8 MX without any route",
       .query = QueryFor("web.test", kTypeMx),
       .answer = TestAnswer("web.test", kTypeMx).bytes(),
       .reply = Reply(" ? web.test MX"),
       .event = "NOERROR allowed",
       .asks_upstream = true,
       .ipv6_route = false,
       .ipv4_route = false},
      {.what = "8 the gateway needs no route",
       .query = QueryFor("host.sluice.internal", kTypeAaaa),
       .reply = Reply(" ? host.sluice.internal AAAA | host.sluice.internal 60 AAAA fd73:6c75:6963:1::2"),
       .event = "NOERROR allowed fd73:6c75:6963:1::2",
       .ipv6_route = false},
      {.what = "9 the upstream fails",
       .query = web,
       .reply = Reply(" ? web.test A | | | OPT 1232 EDE=23 no upstream", "SERVFAIL"),
       .event = "SERVFAIL allowed",
       .asks_upstream = true},
      {.what = "9 the name is not there",
       .query = web,
       .answer = TestAnswer("web.test", kTypeA, kNxDomain).Authority().Soa("test", 60).bytes(),
       .reply = Reply(" ? web.test A | | test 300 SOA 026e73c0100561646d696ec0100000000100000e10000002580001518"
                      "00000003c | | OPT 1232",
                      "NXDOMAIN"),
       .event = "NXDOMAIN allowed",
       .asks_upstream = true},
  };
}
INSTANTIATE_TEST_SUITE_P(Name, InterceptorTableTest, testing::ValuesIn(NameRows()));

// An answer that refuses itself, and what it is with one thing changed.
std::vector<Row> AnswerRows() {
  const Bytes web = EdnsQueryFor("web.test", kTypeA);
  const auto answered = [&](std::string what, const TestAnswer& answer, std::string reply, std::string event,
                            std::string config = "", std::string policy = kPublicOnly) {
    return Row{.what = what,
               .policy = policy,
               .config = config,
               .query = web,
               .answer = answer.bytes(),
               .reply = reply,
               .event = event,
               .asks_upstream = true};
  };
  const std::string rebinding = Denied("web.test", "A", "15 DNS_REBINDING");
  const auto one = [&](std::string address, std::string policy = kPublicOnly, std::string config = "") {
    const uint16_t type = address.find(':') == address.npos ? kTypeA : kTypeAaaa;
    const std::string type_name = TypeName(type);
    const bool allowed = policy != kPublicOnly || !config.empty();
    return Row{.what = absl::StrCat("11 ", address, " ", config, " ", policy),
               .policy = policy,
               .config = config,
               .query = EdnsQueryFor("web.test", type),
               .answer = TestAnswer("web.test", type).Address("web.test", address).bytes(),
               .reply = allowed ? Reply(absl::StrCat(" ? web.test ", type_name, " | web.test 300 ", type_name, " ",
                                                     address, " | | | OPT 1232"))
                                : Denied("web.test", type_name, "15 DNS_REBINDING"),
               .event = (allowed ? "NOERROR allowed " : "NXDOMAIN DNS_REBINDING ") + address,
               .asks_upstream = true};
  };
  Row nat64_public = one("64:ff9b::5db8:d822", kPublicOnly, "rebinding_protection: true");
  std::vector<Row> rows = {
      answered("10 a target on the block list",
               TestAnswer("web.test", kTypeA).Cname("web.test", "ads.test").Address("ads.test", kPublicIp),
               Denied("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "ads.test")"),
      answered("10 a target that a rule denies",
               TestAnswer("web.test", kTypeA).Cname("web.test", "ads.test").Address("ads.test", kPublicIp),
               Denied("web.test", "A", "17 RULE no-ads"), "NXDOMAIN RULE", "",
               R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-ads" action: ACTION_DENY peers { domain: "ads.test" } })"),
      answered("10 a DNAME's target on the block list",
               TestAnswer("web.test", kTypeA).Raw("test", kTypeDname, Bytes{3, 'a', 'd', 's', 0}),
               Denied("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "*.ads")"),
      answered("10 the last target of three",
               TestAnswer("web.test", kTypeA)
                   .Cname("web.test", "a.test")
                   .Cname("a.test", "b.test")
                   .Cname("b.test", "ads.test"),
               Denied("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "ads.test")"),
      answered("10 a target that nothing denies",
               TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.test").Address("cdn.test", kPublicIp),
               Reply(" ? web.test A | web.test 300 CNAME cdn.test | cdn.test 300 A 93.184.216.34 | | | OPT 1232"),
               "NOERROR allowed 93.184.216.34", R"(blocked_domains: "ads.test")"),
      answered("10 a target that is not on the allowlist",
               TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.net").Address("cdn.net", kPublicIp),
               Reply(" ? web.test A | web.test 300 CNAME cdn.net | cdn.net 300 A 93.184.216.34 | | | OPT 1232"),
               "NOERROR allowed 93.184.216.34", "",
               R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "web.test" } })"),
      answered(
          "10 a target under deny anything",
          TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.net").Address("cdn.net", kPublicIp),
          Reply(" ? web.test A | web.test 300 CNAME cdn.net | cdn.net 300 A 93.184.216.34 | | | OPT 1232"),
          "NOERROR allowed 93.184.216.34", "",
          R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { domain: "web.test" } } rules { action: ACTION_DENY })"),
      answered("11 public and private",
               TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).Address("web.test", "10.1.2.3"), rebinding,
               "NXDOMAIN DNS_REBINDING 93.184.216.34 10.1.2.3"),
      answered("11 private in the authority section",
               TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).Authority().Address("ns.test", "10.1.2.3"),
               rebinding, "NXDOMAIN DNS_REBINDING 93.184.216.34"),
      answered("11 private in the additional section",
               TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).Additional().Address("ns.test", "fc00::1"),
               rebinding, "NXDOMAIN DNS_REBINDING 93.184.216.34"),
      answered("11 public in the additional section",
               TestAnswer("web.test", kTypeA).Address("web.test", kPublicIp).Additional().Address("ns.test", "1.1.1.1"),
               Reply(kWebReply + " | | | ns.test 300 A 1.1.1.1 | OPT 1232"), "NOERROR allowed 93.184.216.34"),
      answered("11 another exempt name", TestAnswer("web.test", kTypeA).Address("web.test", "10.1.2.3"), rebinding,
               "NXDOMAIN DNS_REBINDING 10.1.2.3", R"(rebinding_exempt_domains: "web.net")"),
      one("10.1.2.3"),
      one("10.1.2.3", kAllowAll),
      one("10.1.2.3", kPublicOnly, "rebinding_protection: false"),
      one("10.1.2.3", kPublicOnly, R"(rebinding_exempt_domains: "*.test")"),
      one("10.1.2.3", R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { cidr: "10.1.0.0/16" } })"),
      one("10.1.2.3",
          R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { group: ADDRESS_GROUP_PRIVATE } })"),
      one("0.0.0.0"),
      one("::"),
      one("::1"),
      one("127.0.0.1"),
      one("169.254.169.254"),
      one("10.0.2.2"),
      one("224.0.0.1"),
      one("::ffff:10.1.2.3"),
      one("64:ff9b::a01:203"),
      one("2002:a01:203::1"),
      one("fe80::1"),
      one("192.168.77.1"),
      one("172.20.0.1"),
      nat64_public,
  };
  Row forced = one("10.1.2.3");
  forced.what = "11 protection asked for under allow all";
  forced.policy = kAllowAll;
  forced.config = "rebinding_protection: true";
  rows.push_back(forced);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Answer, InterceptorTableTest, testing::ValuesIn(AnswerRows()));

std::vector<Row> ServiceRows() {
  const Bytes query = QueryFor("web.test", kTypeHttps);
  const auto service = [&](std::string what, const Bytes& params, std::string reply, std::string event,
                           std::string policy = kPublicOnly, std::string config = "") {
    return Row{.what = what,
               .policy = policy,
               .config = config,
               .query = query,
               .answer = TestAnswer("web.test", kTypeHttps).Https("web.test", params).bytes(),
               .reply = reply,
               .event = event,
               .asks_upstream = true};
  };
  const std::string ok = " ? web.test HTTPS | web.test 300 HTTPS 000100";
  const std::string denied = Reply(" ? web.test HTTPS", "NXDOMAIN");
  const std::string domain_rule =
      R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { domain: "x.test" } })";
  const Bytes ech = SvcParamBytes(kSvcEch, Bytes{0xfe, 0x0d});
  Bytes v6_private = SvcParamBytes(kSvcIpv6Hint, IpAddress::Parse("fd00::1")->bytes());
  return {
      service("11 a public hint", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1, 1}), Reply(ok + "0004000401010101"),
              "NOERROR allowed"),
      service("11 a private hint", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1, 1, 10, 1, 2, 3}), denied,
              "NXDOMAIN DNS_REBINDING"),
      service("11 a private IPv6 hint", v6_private, denied, "NXDOMAIN DNS_REBINDING"),
      service("11 a private IPv6 hint, off", v6_private, Reply(ok + "00060010fd000000000000000000000000000001"),
              "NOERROR allowed", kPublicOnly, "rebinding_protection: false"),
      service("11 a hint that is none", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1}),
              Reply(" ? web.test HTTPS", "SERVFAIL"), "SERVFAIL MALFORMED"),
      service("12 ech while no name is enforced", ech, Reply(ok + "00050002fe0d"), "NOERROR allowed"),
      service("12 ech under a domain rule", ech, Reply(ok), "NOERROR allowed", domain_rule),
      service("12 ech under a block list", ech, Reply(ok), "NOERROR allowed", kPublicOnly,
              R"(blocked_domains: "x.test")"),
  };
}
INSTANTIATE_TEST_SUITE_P(Service, InterceptorTableTest, testing::ValuesIn(ServiceRows()));

std::vector<Row> BrokenAnswerRows() {
  const Bytes query = QueryFor("web.test", kTypeA);
  const auto broken = [&](std::string what, Bytes answer) {
    return Row{.what = what,
               .query = query,
               .answer = answer,
               .reply = Reply(" ? web.test A", "SERVFAIL"),
               .event = "SERVFAIL MALFORMED",
               .asks_upstream = true};
  };
  Bytes cut = Web();
  cut.pop_back();
  Bytes longer = Web();
  longer.push_back(0);
  return {
      broken("9 cut short", cut),
      broken("9 bytes behind it", longer),
      broken("9 no header", {1, 2, 3}),
      broken("9 not a response", With(Web(), 2, 0x0100)),
      broken("9 truncated", With(Web(), 2, 0x8300)),
      broken("9 another question", TestAnswer("web.net", kTypeA).Address("web.net", kPublicIp).bytes()),
      broken("9 another type", TestAnswer("web.test", kTypeAaaa).Address("web.test", kPublicIp).bytes()),
      broken("9 an A record of three bytes",
             TestAnswer("web.test", kTypeA).Raw("web.test", kTypeA, Bytes{1, 2, 3}).bytes()),
      broken("9 class CH in the answer",
             TestAnswer("web.test", kTypeA).Raw("web.test", kTypeA, Bytes{1, 2, 3, 4}, 3).bytes()),
  };
}
INSTANTIATE_TEST_SUITE_P(BrokenAnswer, InterceptorTableTest, testing::ValuesIn(BrokenAnswerRows()));

}  // namespace
}  // namespace sluice::dns
