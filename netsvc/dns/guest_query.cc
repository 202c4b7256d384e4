#include "netsvc/dns/guest_query.h"

#include <algorithm>

#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

// Reads the records, of which OPT alone counts: one at most, in the additional
// section.
uint16_t ReadRecords(MessageReader& reader, GuestQuery& query) {
  uint16_t problem = kNoError;
  for (Record record; reader.NextRecord(record);) {
    if (record.type != kTypeOpt) continue;
    const std::optional<OptView> opt = OptView::Of(record);
    if (!opt || record.section != Section::kAdditional || query.edns_size) return kFormErr;
    query.edns_size = std::max<uint16_t>(opt->udp_size(), kMinUdpSize);
    if (opt->version() != 0) problem = kBadVers;
  }
  if (!reader.at_end()) return kFormErr;
  return problem;
}

uint16_t ReadQuestion(const MessageView& message, MessageReader& reader, GuestQuery& query) {
  if (message.is_response()) return kFormErr;
  if (message.opcode() != kOpcodeQuery) return kNotImp;
  if (message.question_count() != 1) return kFormErr;
  Question question;
  if (!reader.NextQuestion(question)) return kFormErr;
  query.name = question.name.ToDomainName();
  query.question = question;
  return kNoError;
}

}  // namespace

GuestQuery ParseGuestQuery(const MessageView& message) {
  GuestQuery query{.id = message.id(), .flags = message.flags()};
  MessageReader reader(message);
  query.problem = ReadQuestion(message, reader, query);
  if (query.problem == kNoError) query.problem = ReadRecords(reader, query);
  if (query.problem != kNoError) return query;
  if (query.question->qclass != kClassIn || IsMetaType(query.question->type)) query.problem = kRefused;
  return query;
}

}  // namespace sluice::dns
