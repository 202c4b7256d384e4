// The policy reference's table of DNS, row by row: what becomes of an upstream's
// answer. Each denial stands beside its twin, the same answer with one thing
// changed.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/dns/interceptor_row.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

using Row = InterceptorRow;

class InterceptorAnswersTest : public testing::TestWithParam<Row> {};

TEST_P(InterceptorAnswersTest, Answers) { ExpectRow(GetParam()); }

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
  const std::string rebinding = DeniedText("web.test", "A", "15 DNS_REBINDING");
  const auto one = [&](std::string address, std::string policy = kPublicOnly, std::string config = "") {
    const uint16_t type = address.find(':') == address.npos ? kTypeA : kTypeAaaa;
    const std::string type_name = TypeName(type);
    const bool allowed = policy != kPublicOnly || !config.empty();
    return Row{.what = absl::StrCat("11 ", address, " ", config, " ", policy),
               .policy = policy,
               .config = config,
               .query = EdnsQueryFor("web.test", type),
               .answer = TestAnswer("web.test", type).Address("web.test", address).bytes(),
               .reply = allowed ? ReplyText(absl::StrCat(" ? web.test ", type_name, " | web.test 300 ", type_name, " ",
                                                     address, " | | | OPT 1232"))
                                : DeniedText("web.test", type_name, "15 DNS_REBINDING"),
               .event = (allowed ? "NOERROR allowed " : "NXDOMAIN DNS_REBINDING ") + address,
               .asks_upstream = true};
  };
  Row nat64_public = one("64:ff9b::5db8:d822", kPublicOnly, "rebinding_protection: true");
  std::vector<Row> rows = {
      answered("10 a target on the block list",
               TestAnswer("web.test", kTypeA).Cname("web.test", "ads.test").Address("ads.test", kPublicIp),
               DeniedText("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "ads.test")"),
      answered("10 a target that a rule denies",
               TestAnswer("web.test", kTypeA).Cname("web.test", "ads.test").Address("ads.test", kPublicIp),
               DeniedText("web.test", "A", "17 RULE no-ads"), "NXDOMAIN RULE", "",
               R"(preset: PRESET_PUBLIC_ONLY rules { id: "no-ads" action: ACTION_DENY peers { domain: "ads.test" } })"),
      answered("10 a DNAME's target on the block list",
               TestAnswer("web.test", kTypeA).Raw("test", kTypeDname, Bytes{3, 'a', 'd', 's', 0}),
               DeniedText("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "*.ads")"),
      answered("10 the last target of three",
               TestAnswer("web.test", kTypeA)
                   .Cname("web.test", "a.test")
                   .Cname("a.test", "b.test")
                   .Cname("b.test", "ads.test"),
               DeniedText("web.test", "A", "15 DNS_BLOCKED"), "NXDOMAIN DNS_BLOCKED", R"(blocked_domains: "ads.test")"),
      answered("10 a target that nothing denies",
               TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.test").Address("cdn.test", kPublicIp),
               ReplyText(" ? web.test A | web.test 300 CNAME cdn.test | cdn.test 300 A 93.184.216.34 | | | OPT 1232"),
               "NOERROR allowed 93.184.216.34", R"(blocked_domains: "ads.test")"),
      answered("10 a target that is not on the allowlist",
               TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.net").Address("cdn.net", kPublicIp),
               ReplyText(" ? web.test A | web.test 300 CNAME cdn.net | cdn.net 300 A 93.184.216.34 | | | OPT 1232"),
               "NOERROR allowed 93.184.216.34", "",
               R"(preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "web.test" } })"),
      answered(
          "10 a target under deny anything",
          TestAnswer("web.test", kTypeA).Cname("web.test", "cdn.net").Address("cdn.net", kPublicIp),
          ReplyText(" ? web.test A | web.test 300 CNAME cdn.net | cdn.net 300 A 93.184.216.34 | | | OPT 1232"),
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
               ReplyText(std::string(kWebReply) + " | | | ns.test 300 A 1.1.1.1 | OPT 1232"), "NOERROR allowed 93.184.216.34"),
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
INSTANTIATE_TEST_SUITE_P(Answer, InterceptorAnswersTest, testing::ValuesIn(AnswerRows()));

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
  const std::string denied = ReplyText(" ? web.test HTTPS", "NXDOMAIN");
  const std::string domain_rule =
      R"(preset: PRESET_PUBLIC_ONLY rules { action: ACTION_ALLOW peers { domain: "x.test" } })";
  const Bytes ech = SvcParamBytes(kSvcEch, Bytes{0xfe, 0x0d});
  Bytes v6_private = SvcParamBytes(kSvcIpv6Hint, IpAddress::Parse("fd00::1")->bytes());
  return {
      service("11 a public hint", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1, 1}), ReplyText(ok + "0004000401010101"),
              "NOERROR allowed"),
      service("11 a private hint", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1, 1, 10, 1, 2, 3}), denied,
              "NXDOMAIN DNS_REBINDING"),
      service("11 a private IPv6 hint", v6_private, denied, "NXDOMAIN DNS_REBINDING"),
      service("11 a private IPv6 hint, off", v6_private, ReplyText(ok + "00060010fd000000000000000000000000000001"),
              "NOERROR allowed", kPublicOnly, "rebinding_protection: false"),
      service("11 a hint that is none", SvcParamBytes(kSvcIpv4Hint, Bytes{1, 1, 1}),
              ReplyText(" ? web.test HTTPS", "SERVFAIL"), "SERVFAIL MALFORMED"),
      service("12 ech while no name is enforced", ech, ReplyText(ok + "00050002fe0d"), "NOERROR allowed"),
      service("12 ech under a domain rule", ech, ReplyText(ok), "NOERROR allowed", domain_rule),
      service("12 ech under a block list", ech, ReplyText(ok), "NOERROR allowed", kPublicOnly,
              R"(blocked_domains: "x.test")"),
  };
}
INSTANTIATE_TEST_SUITE_P(Service, InterceptorAnswersTest, testing::ValuesIn(ServiceRows()));

std::vector<Row> BrokenAnswerRows() {
  const Bytes query = QueryFor("web.test", kTypeA);
  const auto broken = [&](std::string what, Bytes answer) {
    return Row{.what = what,
               .query = query,
               .answer = answer,
               .reply = ReplyText(" ? web.test A", "SERVFAIL"),
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
INSTANTIATE_TEST_SUITE_P(BrokenAnswer, InterceptorAnswersTest, testing::ValuesIn(BrokenAnswerRows()));

}  // namespace
}  // namespace sluice::dns
