// Any bytes, as a guest's query and as an upstream's answer: read to the end,
// judged, written again. What is written again parses, means the same, and has
// nothing in it that was not to pass.
//
// An input is one byte of flags and a message.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "netsvc/base/ip_prefix.h"
#include "netsvc/dns/cache.h"
#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/name_judge.h"
#include "netsvc/dns/rdata.h"
#include "netsvc/dns/reply.h"
#include "tests/fuzz/require.h"

namespace sluice::dns {
namespace {

enum Flags : uint8_t { kRemoveEch = 0x01, kSmallReply = 0x02, kWithoutEdns = 0x04, kAged = 0x08 };

// What a judge needs, made once.
struct World {
  World()
      : groups({.gateway = {IpPrefix::Parse("10.0.2.2").value()}, .extra_host = {}, .nat64 = {}}),
        judge(Config(), lists) {
    v1::NetworkPolicy source;
    source.set_preset(v1::PRESET_PUBLIC_ONLY);
    v1::Rule& rule = *source.add_rules();
    rule.set_action(v1::ACTION_DENY);
    rule.add_peers()->set_domain("*.denied.test");
    policy = policy::CompiledPolicy::Compile(source).value();
  }
  static v1::DnsConfig Config() {
    v1::DnsConfig config;
    config.add_blocked_domains("*.blocked.test");
    return config;
  }
  NameJudge::Rules rules() const { return {*policy, groups}; }

  std::shared_ptr<const policy::CompiledPolicy> policy;
  const policy::AddressGroups groups;
  const BlockLists lists = {};
  const NameJudge judge;
};

const World& TheWorld() {
  static const World* const world = new World;
  return *world;
}

std::string Lower(std::span<const uint8_t> bytes) {
  return absl::AsciiStrToLower({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// A record without regard to compression and case: what it says.
std::string Meaning(const MessageView& message, const Record& record, uint32_t age) {
  std::string text = Lower(record.name.bytes());
  text += "/" + std::to_string(static_cast<int>(record.section)) + "/" + std::to_string(record.type) + "/" +
          std::to_string(record.rclass) + "/" + std::to_string(record.ttl - std::min(record.ttl, age)) + "/";
  const RdataLayout layout = LayoutOf(record.type);
  size_t at = layout.fixed;
  for (int i = 0; i < layout.strings && at < record.rdata.size(); ++i) at += 1 + record.rdata[at];
  if (at > record.rdata.size()) return text + "broken";
  text.append(record.rdata.begin(), record.rdata.begin() + static_cast<ptrdiff_t>(at));
  for (int i = 0; i < layout.names; ++i) {
    WireName name;
    const std::optional<size_t> end = name.Read(message.bytes(), record.rdata_offset + at);
    if (!end || *end > record.rdata_offset + record.rdata.size()) return text + "broken";
    text += Lower(name.bytes());
    at = *end - record.rdata_offset;
  }
  text.append(record.rdata.begin() + static_cast<ptrdiff_t>(at), record.rdata.end());
  return text;
}

// What all records say that a guest is to see, in order.
std::vector<std::string> Meanings(const MessageView& message, uint32_t age = 0) {
  std::vector<std::string> meanings;
  MessageReader reader(message);
  for (Record record; reader.NextRecord(record);) {
    if (record.type != kTypeOpt && record.type != kTypeTsig) meanings.push_back(Meaning(message, record, age));
  }
  return meanings;
}

void ReadEverything(const MessageView& message) {
  MessageReader reader(message);
  for (Record record; reader.NextRecord(record);) {
    FUZZ_REQUIRE(record.name.bytes().size() <= DomainName::kMaxWireSize);
    FUZZ_REQUIRE(record.rdata_offset + record.rdata.size() <= message.bytes().size());
    AddressOf(record);
    TargetOf(message, record);
    if (const auto opt = OptView::Of(record)) opt->Option(15);
    std::optional<SvcbReader> service = SvcbReader::Of(message, record);
    int last = -1;
    for (SvcParam param; service && service->Next(param); last = param.key) FUZZ_REQUIRE(param.key > last);
  }
  FUZZ_REQUIRE(!(reader.malformed() && reader.at_end()));
}

// A reply of ours: parses to the end, bears the query's id and question.
MessageView RequireSound(const GuestQuery& query, const Reply& reply) {
  const std::optional<MessageView> view = MessageView::Of(reply);
  FUZZ_REQUIRE(view && view->is_response() && view->id() == query.id);
  MessageReader reader(*view);
  Question question;
  if (query.question) {
    FUZZ_REQUIRE(reader.NextQuestion(question));
    FUZZ_REQUIRE(std::ranges::equal(question.name.bytes(), query.question->name.bytes()));
    FUZZ_REQUIRE(question.type == query.question->type && question.qclass == query.question->qclass);
  }
  for (Record record; reader.NextRecord(record);) {
  }
  FUZZ_REQUIRE(reader.at_end());
  return *view;
}

void AsQuery(const MessageView& message) {
  const GuestQuery query = ParseGuestQuery(message);
  const ExtendedError error{.code = kBlocked, .text = "DNS_BLOCKED"};
  FUZZ_REQUIRE(query.problem != kNoError || query.question);
  RequireSound(query, EmptyReply(query, query.problem, error));
  if (!query.question) return;
  RequireSound(query, TruncatedReply(query, kNoError));
  RequireSound(query, AnyReply(query));
}

// Nothing in a reply to an allowed answer is an address of a group that was to
// be refused, read here a second time.
void RequirePublic(const MessageView& reply) {
  const auto is_public = [](const IpAddress& address) {
    return TheWorld().groups.Classify(address) == v1::ADDRESS_GROUP_PUBLIC;
  };
  MessageReader reader(reply);
  for (Record record; reader.NextRecord(record);) {
    if (const auto address = AddressOf(record)) FUZZ_REQUIRE(is_public(*address));
    if (record.type != kTypeSvcb && record.type != kTypeHttps) continue;
    std::optional<SvcbReader> service = SvcbReader::Of(reply, record);
    for (SvcParam param; service && service->Next(param);) {
      for (size_t at = 0; param.key == kSvcIpv4Hint && at < param.value.size(); at += 4) {
        FUZZ_REQUIRE(is_public(IpAddress::V4Bytes(param.value.subspan(at).first<4>())));
      }
      for (size_t at = 0; param.key == kSvcIpv6Hint && at < param.value.size(); at += 16) {
        FUZZ_REQUIRE(is_public(IpAddress::V6Bytes(param.value.subspan(at).first<16>())));
      }
    }
  }
}

void RequireNoEch(const MessageView& reply) {
  MessageReader reader(reply);
  for (Record record; reader.NextRecord(record);) {
    if (record.type != kTypeSvcb && record.type != kTypeHttps) continue;
    std::optional<SvcbReader> service = SvcbReader::Of(reply, record);
    FUZZ_REQUIRE(service);
    for (SvcParam param; service->Next(param);) FUZZ_REQUIRE(param.key != kSvcEch);
    FUZZ_REQUIRE(!service->malformed());
  }
}

// The query that `answer` answers.
std::optional<GuestQuery> QueryOf(const MessageView& answer, uint8_t flags) {
  GuestQuery query{.id = 0x1234, .flags = kFlagRecursionDesired};
  MessageReader reader(answer);
  Question question;
  if (!reader.NextQuestion(question)) return std::nullopt;
  query.question = question;
  query.name = question.name.ToDomainName();
  if ((flags & kWithoutEdns) == 0) query.edns_size = kOurUdpSize;
  return query;
}

// A whole answer and its copy are worth the same.
void RequireSameWorth(const DomainName& name, const MessageView& answer, const MessageView& copy) {
  const World& world = TheWorld();
  const AnswerJudgement judgement = world.judge.OfAnswer(world.rules(), name, answer);
  if (judgement.malformed) return;
  if (judgement.verdict.allowed()) RequirePublic(copy);
  const AnswerJudgement again = world.judge.OfAnswer(world.rules(), name, copy);
  FUZZ_REQUIRE(!again.malformed);
  FUZZ_REQUIRE(again.verdict.reason == judgement.verdict.reason && again.addresses == judgement.addresses);
}

void RequireSameLife(const MessageView& answer, const MessageView& copy) {
  const std::optional<absl::Duration> lifetime = Cache::LifetimeOf(answer);
  if (!lifetime) return;
  FUZZ_REQUIRE(*lifetime > absl::ZeroDuration() && *lifetime <= Cache::kMaxTtl);
  FUZZ_REQUIRE(Cache::LifetimeOf(copy) == lifetime);
}

void AsAnswer(const MessageView& message, uint8_t flags) {
  const std::optional<GuestQuery> query = QueryOf(message, flags);
  if (!query) return;
  const RelayOptions options{.limit = (flags & kSmallReply) != 0 ? kMinUdpSize : kMaxMessageSize,
                             .remove_ech = (flags & kRemoveEch) != 0,
                             .age = (flags & kAged) != 0 ? 100u : 0u};
  const std::optional<Reply> reply = RelayReply(*query, message, options);
  if (!reply) return;
  FUZZ_REQUIRE(reply->size() <= options.limit);
  const MessageView copy = RequireSound(*query, *reply);
  if (copy.truncated()) {
    FUZZ_REQUIRE(Meanings(copy).empty());
    return;
  }
  if (options.remove_ech) {
    RequireNoEch(copy);
  } else {
    FUZZ_REQUIRE(Meanings(copy) == Meanings(message, options.age));
  }
  RequireSameWorth(query->name, message, copy);
  // A message with several questions is no upstream's answer.
  if (options.age == 0 && message.question_count() == 1) RequireSameLife(message, copy);
}

}  // namespace
}  // namespace sluice::dns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::dns;
  if (size < 1) return 0;
  // A buffer of just the message's size, so that a read past it is seen.
  const std::vector<uint8_t> bytes(data + 1, data + size);
  const std::optional<MessageView> message = MessageView::Of(bytes);
  if (!message) return 0;
  ReadEverything(*message);
  AsQuery(*message);
  AsAnswer(*message, data[0]);
  return 0;
}
