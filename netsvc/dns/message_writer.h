#ifndef SLUICE_NETSVC_DNS_MESSAGE_WRITER_H_
#define SLUICE_NETSVC_DNS_MESSAGE_WRITER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netsvc/base/ip_address.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/protocol.h"
#include "netsvc/dns/wire_name.h"

namespace sluice::dns {

// RFC 8914: why an answer is what it is. `text` is for a person, UTF-8.
struct ExtendedError {
  uint16_t code = kOtherError;
  std::string text;
};

// Writes one DNS message, front to back, into a buffer of the caller's: header,
// questions, records in the order of their sections. Names are compressed
// against those that stand before them. Writing past the limit is no error while
// it happens: it writes nothing, and overflowed() says so at the end.
class MessageWriter {
 public:
  // Empties `out` and keeps it within `limit` bytes (at least a header).
  MessageWriter(std::vector<uint8_t>& out, size_t limit, uint16_t id, uint16_t flags);
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;

  void AddQuestion(const WireName& name, uint16_t type, uint16_t qclass);
  // Everything written until EndRecord is the record's data.
  void BeginRecord(Section section, const WireName& owner, uint16_t type, uint16_t rclass, uint32_t ttl);
  void EndRecord();
  void Write16(uint16_t value);
  void Write32(uint32_t value);
  void WriteBytes(std::span<const uint8_t> bytes);
  void WriteName(const WireName& name, bool compress);

  // An A or AAAA record.
  void AddAddress(const WireName& owner, const IpAddress& address, uint32_t ttl);
  // The OPT record, EDNS version 0. `rcode` is the message's whole rcode, whose
  // upper bits it carries.
  void AddOpt(uint16_t rcode, const std::optional<ExtendedError>& error);

  bool overflowed() const { return overflowed_; }

 private:
  // Where the rest of a name, `size` bytes long when uncompressed, was written.
  struct Suffix {
    uint16_t offset;
    uint8_t size;
  };
  // Names past this many labels are written whole.
  static constexpr int kMaxSuffixes = 64;

  std::optional<uint16_t> FindSuffix(std::span<const uint8_t> name) const;
  bool Stands(size_t offset, std::span<const uint8_t> name) const;
  void Count(int index);

  std::vector<uint8_t>& out_;
  const size_t limit_;
  bool overflowed_ = false;
  size_t rdata_start_ = 0;
  int suffix_count_ = 0;
  std::array<Suffix, kMaxSuffixes> suffixes_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_MESSAGE_WRITER_H_
