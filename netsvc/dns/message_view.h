#ifndef SLUICE_NETSVC_DNS_MESSAGE_VIEW_H_
#define SLUICE_NETSVC_DNS_MESSAGE_VIEW_H_

#include <cstdint>
#include <optional>
#include <span>

#include "netsvc/base/big_endian.h"
#include "netsvc/dns/protocol.h"
#include "netsvc/dns/wire_name.h"

// Reading a DNS message in place: nothing is copied but the name at hand, nothing
// is allocated, and no byte is believed before it was checked. Any bytes at all
// can be read. Views point into the bytes they were made of.

namespace sluice::dns {

enum class Section { kAnswer, kAuthority, kAdditional };
inline constexpr int kSections = 3;

// The header of a message, and its bytes.
class MessageView {
 public:
  // Nothing where there is no whole header.
  static std::optional<MessageView> Of(std::span<const uint8_t> bytes);

  std::span<const uint8_t> bytes() const { return bytes_; }
  uint16_t id() const { return Load16(&bytes_[0]); }
  uint16_t flags() const { return Load16(&bytes_[2]); }
  bool is_response() const { return flags() & kFlagResponse; }
  bool truncated() const { return flags() & kFlagTruncated; }
  uint8_t opcode() const { return flags() >> 11 & 0xf; }
  // The header's four bits; see OptView for the rest.
  uint8_t rcode() const { return flags() & 0xf; }
  uint16_t question_count() const { return Load16(&bytes_[4]); }
  uint16_t record_count(Section section) const { return Load16(&bytes_[6 + 2 * static_cast<int>(section)]); }

 private:
  explicit MessageView(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  std::span<const uint8_t> bytes_;
};

struct Question {
  WireName name;
  uint16_t type = 0;
  uint16_t qclass = 0;
};

struct Record {
  Section section = Section::kAnswer;
  WireName name;
  uint16_t type = 0;
  uint16_t rclass = 0;
  uint32_t ttl = 0;
  size_t rdata_offset = 0;  // in the message
  std::span<const uint8_t> rdata;
};

// Walks a message once, front to back: its questions, then its records.
class MessageReader {
 public:
  explicit MessageReader(const MessageView& message) : message_(message) {}

  // The next one, or false at the end or at the first malformed byte. The first
  // call of NextRecord passes over the questions that are left.
  bool NextQuestion(Question& question);
  bool NextRecord(Record& record);

  bool malformed() const { return malformed_; }
  // Everything was read, and no byte is left.
  bool at_end() const { return !malformed_ && section_ == kSections && offset_ == message_.bytes().size(); }

 private:
  // False, and malformed, where fewer than `size` bytes are left.
  bool Has(size_t size);
  bool ReadName(WireName& name);

  const MessageView message_;
  size_t offset_ = kHeaderSize;
  int questions_ = 0;
  int section_ = 0;
  int records_ = 0;  // of the section
  bool malformed_ = false;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_MESSAGE_VIEW_H_
