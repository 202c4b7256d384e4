#include "netsvc/dns/name_judge.h"

#include <algorithm>
#include <string>
#include <utility>

#include "google/protobuf/repeated_ptr_field.h"
#include "netsvc/dns/protocol.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

using policy::CompiledPolicy;
using policy::Verdict;

// Firefox asks for it: NXDOMAIN keeps it to plain DNS.
constexpr absl::string_view kCanary = "use-application-dns.net";

constexpr absl::string_view kGatewayName = "host.sluice.internal";

constexpr Verdict kBlockedName{v1::ACTION_DENY, v1::Verdict::REASON_DNS_BLOCKED, {}};
constexpr Verdict kRebinding{v1::ACTION_DENY, v1::Verdict::REASON_DNS_REBINDING, {}};
constexpr Verdict kAllowed{v1::ACTION_ALLOW, v1::Verdict::REASON_DEFAULT, policy::kDefaultRuleId};

using Strings = google::protobuf::RepeatedPtrField<std::string>;

policy::DomainSet SetOf(const Strings& patterns, absl::string_view another = "") {
  policy::DomainSet::Builder builder;
  const auto add = [&builder](absl::string_view text) {
    const absl::StatusOr<DomainPattern> pattern = DomainPattern::Parse(text);
    // Far fewer were let through than a set can have.
    if (pattern.ok()) builder.Add(*pattern).IgnoreError();
  };
  for (const std::string& text : patterns) add(text);
  if (!another.empty()) add(another);
  return std::move(builder).Build();
}

}  // namespace

const DomainName& NameJudge::GatewayName() {
  static const DomainName* const name = new DomainName(DomainName::FromText(kGatewayName).value());
  return *name;
}

NameJudge::NameJudge(const v1::DnsConfig& config, const BlockLists& lists)
    : blocked_(SetOf(config.blocked_domains(), kCanary)),
      rebinding_exempt_(SetOf(config.rebinding_exempt_domains())),
      names_blocked_(config.blocked_domains_size() > 0 || config.block_lists_size() > 0) {
  for (const std::string& name : config.block_lists()) {
    if (const policy::DomainSet* list = lists.Find(name)) block_lists_.push_back(list);
  }
  if (config.has_rebinding_protection()) rebinding_protection_ = config.rebinding_protection();
}

bool NameJudge::Blocks(const DomainName& name) const {
  return blocked_.Contains(name) ||
         std::any_of(block_lists_.begin(), block_lists_.end(),
                     [&name](const policy::DomainSet* list) { return list->Contains(name); });
}

Verdict NameJudge::OfQuery(const Rules& rules, const Asked& asked, const DomainName& name) const {
  if (!asked.own) {
    const Verdict resolver = rules.policy.EvaluateResolver(asked.transport, asked.resolver.address, rules.groups);
    if (!resolver.allowed()) return resolver;
  }
  if (Blocks(name)) return kBlockedName;
  return rules.policy.EvaluateName(name);
}

bool NameJudge::NamesEnforced(const CompiledPolicy& policy) const {
  return names_blocked_ || policy.has_domain_peers();
}

bool NameJudge::RebindingChecked(const CompiledPolicy& policy, const DomainName& name) const {
  return rebinding_protection_.value_or(policy.preset() != v1::PRESET_ALLOW_ALL) && !rebinding_exempt_.Contains(name);
}

bool NameJudge::Rebinds(const Rules& rules, const IpAddress& address) {
  return rules.groups.Classify(address) != v1::ADDRESS_GROUP_PUBLIC && !rules.policy.AllowsAnswer(address, rules.groups);
}

Verdict NameJudge::OfPair(const Rules& rules, const DomainName& name, const IpAddress& address) const {
  if (Blocks(name)) return kBlockedName;
  if (!RebindingChecked(rules.policy, name) || !Rebinds(rules, address)) return kAllowed;
  return name == GatewayName() ? kAllowed : kRebinding;
}

Verdict NameJudge::OfAlias(const CompiledPolicy& policy, const DomainName& target) const {
  return Blocks(target) ? kBlockedName : policy.EvaluateAlias(target);
}

// One pass over an answer. Stops at the first thing that refuses all of it.
class NameJudge::AnswerWalk {
 public:
  AnswerWalk(const NameJudge& judge, const Rules& rules, const DomainName& name)
      : judge_(judge), rules_(rules), check_addresses_(judge.RebindingChecked(rules.policy, name)), chain_{name} {
    result_.verdict = kAllowed;
    result_.ttl = absl::InfiniteDuration();
  }

  AnswerJudgement Walk(const MessageView& answer) && {
    MessageReader reader(answer);
    for (Record record; reader.NextRecord(record) && !Settled();) Visit(answer, record);
    if (!Settled() && !reader.at_end()) result_.malformed = true;
    if (result_.addresses.empty()) result_.ttl = absl::ZeroDuration();
    return std::move(result_);
  }

 private:
  bool Settled() const { return result_.malformed || !result_.verdict.allowed(); }

  void Visit(const MessageView& answer, const Record& record) {
    if (record.type == kTypeOpt || record.type == kTypeTsig) return;
    if (record.rclass != kClassIn) {
      result_.malformed = true;
    } else if (record.type == kTypeA || record.type == kTypeAaaa) {
      VisitAddress(record);
    } else if (record.type == kTypeCname || record.type == kTypeDname) {
      VisitAlias(answer, record);
    } else if (record.type == kTypeSvcb || record.type == kTypeHttps) {
      VisitService(answer, record);
    }
  }

  void VisitAddress(const Record& record) {
    const std::optional<IpAddress> address = AddressOf(record);
    if (!address) {
      result_.malformed = true;
      return;
    }
    if (IsOnChain(record) && result_.addresses.size() < kMaxAddresses) {
      result_.addresses.push_back(*address);
      LimitTtl(record);
    }
    Check(*address);
  }

  void VisitAlias(const MessageView& answer, const Record& record) {
    const std::optional<WireName> target = TargetOf(answer, record);
    if (!target) {
      result_.malformed = true;
      return;
    }
    DomainName name = target->ToDomainName();
    result_.verdict = judge_.OfAlias(rules_.policy, name);
    if (record.type != kTypeCname || !IsOnChain(record) || chain_.size() == kMaxChain) return;
    LimitTtl(record);
    chain_.push_back(std::move(name));
  }

  void VisitService(const MessageView& answer, const Record& record) {
    std::optional<SvcbReader> reader = SvcbReader::Of(answer, record);
    result_.malformed = !reader;
    if (!reader) return;
    for (SvcParam param; reader->Next(param);) CheckHint(param);
    result_.malformed = reader->malformed();
  }

  void CheckHint(const SvcParam& param) {
    for (auto rest = param.value; param.key == kSvcIpv4Hint && !rest.empty(); rest = rest.subspan(IpAddress::kV4Size)) {
      Check(IpAddress::V4Bytes(rest.first<IpAddress::kV4Size>()));
    }
    for (auto rest = param.value; param.key == kSvcIpv6Hint && !rest.empty(); rest = rest.subspan(IpAddress::kV6Size)) {
      Check(IpAddress::V6Bytes(rest.first<IpAddress::kV6Size>()));
    }
  }

  void Check(const IpAddress& address) {
    if (check_addresses_ && Rebinds(rules_, address)) result_.verdict = kRebinding;
  }

  // Resolvers give a chain in its order (RFC 1034 section 4.3.2), and stub
  // resolvers rely on it.
  bool IsOnChain(const Record& record) const {
    return record.section == Section::kAnswer &&
           std::find(chain_.rbegin(), chain_.rend(), record.name.ToDomainName()) != chain_.rend();
  }

  void LimitTtl(const Record& record) { result_.ttl = std::min(result_.ttl, absl::Seconds(record.ttl)); }

  static constexpr size_t kMaxChain = 16;

  const NameJudge& judge_;
  const Rules& rules_;
  const bool check_addresses_;
  std::vector<DomainName> chain_;  // the name asked and what it leads to
  AnswerJudgement result_;
};

AnswerJudgement NameJudge::OfAnswer(const Rules& rules, const DomainName& name, const MessageView& answer) const {
  return AnswerWalk(*this, rules, name).Walk(answer);
}

}  // namespace sluice::dns
