#include "netsvc/worker/explainer.h"

#include <memory>
#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/loop/fake_loop.h"

namespace sluice {
namespace {

constexpr char kCdn[] = "151.101.0.223";

IpAddress Ip(const std::string& text) { return IpAddress::Parse(text).value(); }
DomainName Name(const std::string& text) { return DomainName::FromText(text).value(); }

template <typename T>
T Proto(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// A sandbox that may ask and speak to pypi.org alone, and what it resolved.
class ExplainerTest : public testing::Test {
 protected:
  // "ALLOW rule-id REASON", without the enums' prefixes.
  std::string Explain(const std::string& question) {
    const auto asked = Proto<internal::v1::Evaluate>("direction: DIRECTION_EGRESS " + question);
    const absl::StatusOr<internal::v1::EvaluateResult> result = explainer_.Explain(asked);
    if (!result.ok()) return FieldOf(result.status()).value_or("error");
    const v1::Verdict& verdict = result->verdict();
    return v1::Action_Name(verdict.action()).substr(7) + " " + verdict.rule_id() + " " +
           v1::Verdict::Reason_Name(verdict.reason()).substr(7);
  }

  FakeLoop loop_;
  policy::AddressGroups groups_{{.gateway = {IpPrefix(Ip("10.0.2.2"), 32)}}};
  policy::Judge judge_{
      groups_,
      {},
      policy::CompiledPolicy::Compile(
          Proto<v1::NetworkPolicy>("preset: PRESET_ALLOWLIST"
                                   " rules { id: 'no-quad' action: ACTION_DENY peers { cidr: '9.9.9.9' } }"
                                   " rules { id: 'pypi' action: ACTION_ALLOW peers { domain: '*.pypi.org' }"
                                   "         protocols: PROTOCOL_TCP ports { first: 443 } }"))
          .value()};
  dns::BlockLists lists_;
  dns::NameJudge names_{Proto<v1::DnsConfig>("blocked_domains: 'bad.pypi.org'"), lists_};
  dns::Bindings bindings_{loop_.clock()};
  FlowJudge flows_{{.judge = judge_, .bindings = bindings_, .names = names_}};
  Explainer explainer_{{judge_, flows_, names_, Ip("10.0.2.3")}};
};

const std::string kFlow = std::string("protocol: PROTOCOL_TCP port: 443 remote_address: '") + kCdn + "' ";

TEST_F(ExplainerTest, AnAddressIsJudgedByTheNamesThatLedThere) {
  EXPECT_EQ(Explain(kFlow), "DENY default DEFAULT");
  bindings_.Bind(Name("files.pypi.org"), {{Ip(kCdn)}}, absl::Seconds(300));
  EXPECT_EQ(Explain(kFlow), "ALLOW pypi RULE");
  // Stale, it is resolved again before a flow opens.
  loop_.Advance(absl::Seconds(301));
  EXPECT_EQ(Explain(kFlow), "ALLOW pypi RULE");
}

TEST_F(ExplainerTest, AnAddressUnderANameIsJudgedByThatNameAlone) {
  EXPECT_EQ(Explain(kFlow + "remote_domain: 'pypi.org'"), "ALLOW pypi RULE");
  EXPECT_EQ(Explain(kFlow + "remote_domain: 'evil-pypi.org'"), "DENY default DEFAULT");
  EXPECT_EQ(Explain(kFlow + "remote_domain: 'bad.pypi.org'"), "DENY default DNS_BLOCKED");
  bindings_.Bind(Name("files.pypi.org"), {{Ip(kCdn)}}, absl::Seconds(300));
  EXPECT_EQ(Explain(kFlow + "remote_domain: 'evil-pypi.org'").substr(0, 4), "DENY");
}

TEST_F(ExplainerTest, ANameIsJudgedAsTheQueryForIt) {
  EXPECT_EQ(Explain("remote_domain: 'PyPI.org.'"), "ALLOW pypi RULE");
  EXPECT_EQ(Explain("remote_domain: 'bad.pypi.org'"), "DENY default DNS_BLOCKED");
  EXPECT_EQ(Explain("remote_domain: 'example.com'"), "DENY default DEFAULT");
}

TEST_F(ExplainerTest, Port53IsAQueryToThatResolver) {
  const std::string dns = "protocol: PROTOCOL_UDP port: 53 remote_address: ";
  EXPECT_EQ(Explain(dns + "'8.8.8.8'"), "ALLOW default DEFAULT");
  EXPECT_EQ(Explain(dns + "'9.9.9.9'"), "DENY no-quad RULE");
  EXPECT_EQ(Explain(dns + "'8.8.8.8' remote_domain: 'pypi.org'"), "ALLOW pypi RULE");
  EXPECT_EQ(Explain(dns + "'9.9.9.9' remote_domain: 'pypi.org'"), "DENY no-quad RULE");
  EXPECT_EQ(Explain(dns + "'8.8.8.8' remote_domain: 'example.com'"), "DENY default DEFAULT");
}

TEST_F(ExplainerTest, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Explain(""), "remote_address");
  EXPECT_EQ(Explain("remote_address: 'nowhere'"), "remote_address");
  EXPECT_EQ(Explain("remote_domain: '*.pypi.org'"), "remote_domain");
}

}  // namespace
}  // namespace sluice
