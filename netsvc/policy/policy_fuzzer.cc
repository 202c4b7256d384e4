// Any NetworkPolicy of a caller: it is refused with a field of its own, or it
// compiles, and then the compiled and the linear evaluator agree on what its own
// rules speak of, with a floor and without one; and what it allows is not behind
// the second wall.
//
// An input is a serialized sluice.v1.NetworkPolicy.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "netsvc/policy/floor.h"
#include "netsvc/policy/linear_evaluator.h"
#include "netsvc/policy/never_allowed.h"
#include "netsvc/policy/random_policy.h"
#include "tests/fuzz/field_path.h"
#include "tests/fuzz/mutate_message.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice::policy {
namespace {

constexpr const char* kAddresses[] = {"8.8.8.8", "10.0.0.1", "10.0.2.2", "127.0.0.1", "169.254.169.254",
                                      "::1", "fd00::1", "2606:4700::1", "64:ff9b::a00:1", "2002:a00:1::1"};
constexpr size_t kMaxAddresses = 30;
constexpr size_t kMaxPorts = 12;
constexpr size_t kMaxNames = 12;
constexpr int kMaxFloor = 4;

// What to ask a policy about: the limits of what its rules name, and what lies
// next to them.
struct Questions {
  std::vector<IpAddress> addresses;
  std::vector<uint16_t> ports = {1, 53, 443, 65'535};
  std::vector<DomainName> names;
};

// `address` as NAT64 carries it.
IpAddress Carried(const IpAddress& address) {
  std::array<uint8_t, IpAddress::kV6Size> bytes = {0x00, 0x64, 0xff, 0x9b};
  std::ranges::copy(address.bytes(), bytes.end() - IpAddress::kV4Size);
  return IpAddress::V6Bytes(bytes);
}

void AddName(const DomainName& name, Questions& questions) {
  questions.names.push_back(name);
  if (name.label_count() > 1) questions.names.push_back(name.Parent());
  const absl::StatusOr<DomainName> below = DomainName::FromText("x." + name.ToString());
  if (below.ok()) questions.names.push_back(*below);
}

void AddRule(const Rule& rule, Questions& questions) {
  for (const IpPrefix& cidr : rule.cidrs) {
    for (const uint32_t index : {uint32_t{0}, uint32_t{1}, UINT32_MAX}) questions.addresses.push_back(cidr.At(index));
    if (cidr.address().is_v4()) questions.addresses.push_back(Carried(cidr.address()));
  }
  for (const DomainPattern& pattern : rule.domains) AddName(pattern.name, questions);
  for (const ServiceRange& range : rule.services) {
    for (const Service service : {range.first, range.last, range.last + 1}) {
      questions.ports.push_back(static_cast<uint16_t>(service));
    }
  }
}

template <typename T>
void Limit(std::vector<T>& values, size_t most) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  values.resize(std::min(values.size(), most));
}

Questions QuestionsFor(const v1::NetworkPolicy& policy) {
  Questions questions;
  const absl::StatusOr<std::vector<Rule>> rules = ParseRules(policy.rules());
  for (const Rule& rule : *rules) {
    if (questions.addresses.size() >= kMaxAddresses && questions.names.size() >= kMaxNames) break;
    AddRule(rule, questions);
  }
  Limit(questions.addresses, kMaxAddresses - std::size(kAddresses));
  Limit(questions.ports, kMaxPorts);
  Limit(questions.names, kMaxNames);
  for (const char* text : kAddresses) questions.addresses.push_back(IpAddress::Parse(text).value());
  questions.names.push_back(DomainName::FromText("example.com").value());
  return questions;
}

// The first of the policy's own rules that a floor may have.
std::vector<Rule> FloorOf(const v1::NetworkPolicy& policy) {
  RuleProtos kept;
  for (int i = 0; i < policy.rules_size() && kept.size() < kMaxFloor; ++i) {
    *kept.Add() = policy.rules(policy.rules_size() - 1 - i);
    if (!ParseFloor(kept).ok()) kept.RemoveLast();
  }
  return ParseFloor(kept).value();
}

// In a range that is not public.
IpPrefix Nat64() { return IpPrefix::Parse("2001:db8::/96").value(); }

const AddressGroups& Groups() {
  static const AddressGroups* const groups = [] {
    auto* all = new AddressGroups({.gateway = {IpPrefix::Parse("10.0.2.2").value()},
                                   .extra_host = {IpPrefix::Parse("8.8.0.8/30").value()},
                                   .nat64 = {Nat64()}});
    all->SetHostAddresses({IpAddress::Parse("192.168.0.1").value(), IpAddress::Parse("2606:4700::5").value()});
    return all;
  }();
  return *groups;
}

// Both evaluators, asked the same.
class Pair {
 public:
  Pair(const v1::NetworkPolicy& policy, const std::vector<Rule>& floor)
      : compiled_(CompiledPolicy::Compile(policy, floor).value()), linear_(policy, floor) {}

  bool Allows(const FlowQuery& query) const {
    const Verdict verdict = compiled_->Evaluate(query, Groups());
    FUZZ_REQUIRE(verdict == linear_.Evaluate(query, Groups()));
    FUZZ_REQUIRE(verdict.reason != v1::Verdict::REASON_UNSPECIFIED && !verdict.rule_id.empty());
    return verdict.allowed();
  }
  void AskOfName(const DomainName& name) const {
    FUZZ_REQUIRE(compiled_->EvaluateName(name) == linear_.EvaluateName(name));
  }
  void AskOfAddress(const IpAddress& address) const {
    FUZZ_REQUIRE(compiled_->EvaluateResolver(v1::PROTOCOL_TCP, address, Groups()) ==
                 linear_.EvaluateResolver(v1::PROTOCOL_TCP, address, Groups()));
    FUZZ_REQUIRE(compiled_->AllowsAnswer(address, Groups()) == linear_.AllowsAnswer(address, Groups()));
  }

 private:
  const std::shared_ptr<const CompiledPolicy> compiled_;
  const LinearEvaluator linear_;
};

bool IsBehindWall(const IpAddress& address, std::span<const PrefixFate> fates) {
  const PrefixFate* longest = nullptr;
  for (const PrefixFate& fate : fates) {
    if (!fate.prefix.Contains(address)) continue;
    if (longest == nullptr || fate.prefix.length() > longest->prefix.length()) longest = &fate;
  }
  return longest != nullptr && longest->never;
}

// Egress to `remote`. Names lead to PUBLIC addresses alone, protected from
// rebinding; the host's own addresses are for the worker to refuse.
void AskOfEgress(const Pair& pair, FlowQuery query, std::span<const PrefixFate> fates) {
  query.direction = v1::DIRECTION_EGRESS;
  const bool allowed = pair.Allows(query);
  const v1::AddressGroup group = Groups().Classify(query.remote);
  const bool named = !query.names.empty() && group != v1::ADDRESS_GROUP_PUBLIC;
  if (allowed && !named && group != v1::ADDRESS_GROUP_HOST) FUZZ_REQUIRE(!IsBehindWall(query.remote, fates));
}

void Ask(const v1::NetworkPolicy& policy, const std::vector<Rule>& floor, const Questions& questions) {
  const Pair pair(policy, floor);
  v1::DnsConfig dns;
  dns.set_rebinding_protection(true);
  const IpAddress aliases[] = {IpAddress::Parse("10.0.2.2").value()};
  const IpPrefix nat64[] = {Nat64()};
  const std::vector<PrefixFate> fates = NeverAllowed(policy, floor, dns, {aliases, nat64});
  for (const DomainName& name : questions.names) pair.AskOfName(name);
  size_t turn = 0;
  for (const IpAddress& remote : questions.addresses) {
    pair.AskOfAddress(remote);
    const auto ask = [&](v1::Protocol protocol, uint16_t port) {
      const std::span<const DomainName> name = std::span(questions.names).subspan(turn++ % questions.names.size(), 1);
      AskOfEgress(pair, {.protocol = protocol, .remote = remote, .port = port, .names = name}, fates);
      AskOfEgress(pair, {.protocol = protocol, .remote = remote, .port = port}, fates);
      pair.Allows({.direction = v1::DIRECTION_INGRESS, .protocol = protocol, .remote = remote, .port = port});
    };
    for (const uint16_t port : questions.ports) ask(turn % 2 == 0 ? v1::PROTOCOL_TCP : v1::PROTOCOL_UDP, port);
    ask(v1::PROTOCOL_ICMP, 0);
  }
}

}  // namespace
}  // namespace sluice::policy

namespace sluice::fuzz {

// Policies of every size and kind that RandomPolicy makes, and an empty one.
std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds = {{}};
  for (uint64_t seed = 0; seed < 24; ++seed) {
    policy::RandomPolicy random({.seed = seed, .world_bits = 1 + static_cast<int>(seed % 5), .group_percent = 30});
    const std::string text = random.Policy(static_cast<int>(seed % 12)).SerializeAsString();
    seeds.emplace_back(text.begin(), text.end());
  }
  return seeds;
}

}  // namespace sluice::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  sluice::v1::NetworkPolicy policy;
  return sluice::fuzz::MutateSerialized(policy, 0, data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::policy;
  sluice::v1::NetworkPolicy policy;
  if (!policy.ParseFromArray(data, static_cast<int>(size))) return 0;
  const absl::Status status = CompiledPolicy::Compile(policy).status();
  if (!status.ok()) {
    FUZZ_REQUIRE(sluice::fuzz::IsProperRefusal(status, policy));
    return 0;
  }
  const Questions questions = QuestionsFor(policy);
  Ask(policy, {}, questions);
  if (const std::vector<Rule> floor = FloorOf(policy); !floor.empty()) Ask(policy, floor, questions);
  return 0;
}
