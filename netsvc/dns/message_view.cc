#include "netsvc/dns/message_view.h"

namespace sluice::dns {
namespace {

constexpr size_t kQuestionTail = 4;  // type, class
constexpr size_t kRecordTail = 10;   // type, class, TTL, length

}  // namespace

std::optional<MessageView> MessageView::Of(std::span<const uint8_t> bytes) {
  if (bytes.size() < kHeaderSize) return std::nullopt;
  return MessageView(bytes);
}

bool MessageReader::Has(size_t size) {
  malformed_ = malformed_ || message_.bytes().size() - offset_ < size;
  return !malformed_;
}

bool MessageReader::ReadName(WireName& name) {
  const std::optional<size_t> end = name.Read(message_.bytes(), offset_);
  malformed_ = malformed_ || !end;
  if (end) offset_ = *end;
  return !malformed_;
}

bool MessageReader::NextQuestion(Question& question) {
  if (malformed_ || questions_ == message_.question_count()) return false;
  if (!ReadName(question.name) || !Has(kQuestionTail)) return false;
  const uint8_t* tail = &message_.bytes()[offset_];
  question.type = Load16(tail);
  question.qclass = Load16(tail + 2);
  offset_ += kQuestionTail;
  ++questions_;
  return true;
}

bool MessageReader::NextRecord(Record& record) {
  for (Question unread; NextQuestion(unread);) {
  }
  while (section_ < kSections && records_ == message_.record_count(static_cast<Section>(section_))) {
    ++section_;
    records_ = 0;
  }
  if (malformed_ || section_ == kSections) return false;
  if (!ReadName(record.name) || !Has(kRecordTail)) return false;
  const uint8_t* tail = &message_.bytes()[offset_];
  const size_t length = Load16(tail + 8);
  offset_ += kRecordTail;
  if (!Has(length)) return false;
  record.section = static_cast<Section>(section_);
  record.type = Load16(tail);
  record.rclass = Load16(tail + 2);
  record.ttl = Load32(tail + 4);
  record.rdata_offset = offset_;
  record.rdata = message_.bytes().subspan(offset_, length);
  offset_ += length;
  ++records_;
  return true;
}

}  // namespace sluice::dns
