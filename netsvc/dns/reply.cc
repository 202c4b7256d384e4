#include "netsvc/dns/reply.h"

#include <algorithm>

#include "netsvc/dns/protocol.h"
#include "netsvc/dns/record_copy.h"

namespace sluice::dns {
namespace {

constexpr uint32_t kAnyTtl = 3600;
constexpr size_t kMaxErrorText = 128;
constexpr uint16_t kOpcodeBits = 0x7800;
constexpr uint16_t kEchoedFlags = kOpcodeBits | kFlagRecursionDesired | kFlagCheckingDisabled;

uint16_t ReplyFlags(const GuestQuery& query, uint16_t rcode) {
  return (query.flags & kEchoedFlags) | kFlagResponse | kFlagRecursionAvailable | (rcode & 0xf);
}

void AddQuestion(const GuestQuery& query, MessageWriter& writer) {
  if (query.question) writer.AddQuestion(query.question->name, query.question->type, query.question->qclass);
}

// A reply of our own making, which always fits; `write` adds its records.
template <typename Write>
Reply Compose(const GuestQuery& query, uint16_t flags, Write write) {
  Reply reply;
  MessageWriter writer(reply, kMaxMessageSize, query.id, flags);
  AddQuestion(query, writer);
  write(writer);
  return reply;
}

bool IsRelayed(const Record& record) { return record.type != kTypeOpt && record.type != kTypeTsig; }

bool Relay(const MessageView& answer, const Record& record, const RelayOptions& options, MessageWriter& to) {
  const uint32_t ttl = std::min(record.ttl - std::min(record.ttl, options.age), options.max_ttl);
  if (options.remove_ech && (record.type == kTypeSvcb || record.type == kTypeHttps)) {
    return CopyWithoutEch(answer, record, ttl, to);
  }
  return CopyRecord(answer, record, ttl, to);
}

}  // namespace

Reply EmptyReply(const GuestQuery& query, uint16_t rcode, std::optional<ExtendedError> error) {
  if (error && error->text.size() > kMaxErrorText) error->text.resize(kMaxErrorText);
  return Compose(query, ReplyFlags(query, rcode), [&](MessageWriter& writer) {
    if (query.edns_size) writer.AddOpt(rcode, error);
  });
}

Reply TruncatedReply(const GuestQuery& query, uint16_t rcode) {
  return Compose(query, ReplyFlags(query, rcode) | kFlagTruncated, [&](MessageWriter& writer) {
    if (query.edns_size) writer.AddOpt(rcode, std::nullopt);
  });
}

Reply AddressReply(const GuestQuery& query, std::span<const IpAddress> addresses, uint32_t ttl) {
  return Compose(query, ReplyFlags(query, kNoError), [&](MessageWriter& writer) {
    for (const IpAddress& address : addresses) writer.AddAddress(query.question->name, address, ttl);
    if (query.edns_size) writer.AddOpt(kNoError, std::nullopt);
  });
}

Reply AnyReply(const GuestQuery& query) {
  constexpr uint8_t kHinfo[] = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
  return Compose(query, ReplyFlags(query, kNoError), [&](MessageWriter& writer) {
    writer.BeginRecord(Section::kAnswer, query.question->name, kTypeHinfo, kClassIn, kAnyTtl);
    writer.WriteBytes(kHinfo);
    writer.EndRecord();
    if (query.edns_size) writer.AddOpt(kNoError, std::nullopt);
  });
}

std::optional<Reply> RelayReply(const GuestQuery& query, const MessageView& answer, const RelayOptions& options) {
  Reply reply;
  reply.reserve(std::min(answer.bytes().size() + kMinUdpSize, options.limit));
  MessageWriter writer(reply, options.limit, query.id, ReplyFlags(query, answer.rcode()));
  AddQuestion(query, writer);
  MessageReader reader(answer);
  for (Record record; reader.NextRecord(record);) {
    if (IsRelayed(record) && !Relay(answer, record, options, writer)) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  if (query.edns_size) writer.AddOpt(answer.rcode(), std::nullopt);
  if (writer.overflowed()) return TruncatedReply(query, answer.rcode());
  return reply;
}

bool IsTruncated(const Reply& reply) { return reply[2] & (kFlagTruncated >> 8); }

}  // namespace sluice::dns
