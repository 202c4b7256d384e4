#include "netsvc/dns/message_writer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "netsvc/base/big_endian.h"

namespace sluice::dns {
namespace {

constexpr uint16_t kPointer = 0xc000;
constexpr size_t kMaxPointerTarget = 0x3fff;
constexpr uint16_t kExtendedErrorOption = 15;  // RFC 8914 section 2

bool SameIgnoringCase(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](uint8_t x, uint8_t y) { return absl::ascii_tolower(x) == absl::ascii_tolower(y); });
}

}  // namespace

MessageWriter::MessageWriter(std::vector<uint8_t>& out, size_t limit, uint16_t id, uint16_t flags)
    : out_(out), limit_(limit) {
  out_.assign(kHeaderSize, 0);
  Store16(&out_[0], id);
  Store16(&out_[2], flags);
}

void MessageWriter::WriteBytes(std::span<const uint8_t> bytes) {
  overflowed_ = overflowed_ || out_.size() + bytes.size() > limit_;
  if (!overflowed_) out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void MessageWriter::Write16(uint16_t value) {
  uint8_t bytes[2];
  Store16(bytes, value);
  WriteBytes(bytes);
}

void MessageWriter::Write32(uint32_t value) {
  uint8_t bytes[4];
  Store32(bytes, value);
  WriteBytes(bytes);
}

void MessageWriter::Count(int index) {
  uint8_t* count = &out_[4 + 2 * index];
  if (!overflowed_) Store16(count, Load16(count) + 1);
}

// Does the message have `name`, labels and root, at `offset`? What stands there
// was written here, so its pointers lead to names.
bool MessageWriter::Stands(size_t offset, std::span<const uint8_t> name) const {
  for (size_t at = 0;;) {
    while ((out_[offset] & 0xc0) == 0xc0) offset = Load16(&out_[offset]) & kMaxPointerTarget;
    const size_t length = out_[offset];
    if (name[at] != length) return false;
    if (length == 0) return true;
    const std::span<const uint8_t> label(&out_[offset + 1], length);
    if (!SameIgnoringCase(label, name.subspan(at + 1, length))) return false;
    at += 1 + length;
    offset += 1 + length;
  }
}

std::optional<uint16_t> MessageWriter::FindSuffix(std::span<const uint8_t> name) const {
  for (int i = 0; i < suffix_count_; ++i) {
    if (suffixes_[i].size == name.size() && Stands(suffixes_[i].offset, name)) return suffixes_[i].offset;
  }
  return std::nullopt;
}

void MessageWriter::WriteName(const WireName& name, bool compress) {
  std::span<const uint8_t> rest = name.bytes();
  const int known = suffix_count_;
  for (; compress && rest.size() > 1 && !overflowed_; rest = rest.subspan(1 + rest[0])) {
    if (const std::optional<uint16_t> offset = FindSuffix(rest)) {
      Write16(kPointer | *offset);
      return;
    }
    if (suffix_count_ < kMaxSuffixes && out_.size() <= kMaxPointerTarget) {
      suffixes_[suffix_count_++] = {static_cast<uint16_t>(out_.size()), static_cast<uint8_t>(rest.size())};
    }
    WriteBytes(rest.first(1 + rest[0]));
  }
  WriteBytes(rest);
  if (overflowed_) suffix_count_ = known;
}

void MessageWriter::AddQuestion(const WireName& name, uint16_t type, uint16_t qclass) {
  WriteName(name, /*compress=*/true);
  Write16(type);
  Write16(qclass);
  Count(0);
}

void MessageWriter::BeginRecord(Section section, const WireName& owner, uint16_t type, uint16_t rclass, uint32_t ttl) {
  WriteName(owner, /*compress=*/true);
  Write16(type);
  Write16(rclass);
  Write32(ttl);
  Write16(0);
  rdata_start_ = out_.size();
  Count(1 + static_cast<int>(section));
}

void MessageWriter::EndRecord() {
  if (!overflowed_) Store16(&out_[rdata_start_ - 2], static_cast<uint16_t>(out_.size() - rdata_start_));
}

void MessageWriter::AddAddress(const WireName& owner, const IpAddress& address, uint32_t ttl) {
  BeginRecord(Section::kAnswer, owner, address.is_v6() ? kTypeAaaa : kTypeA, kClassIn, ttl);
  WriteBytes(address.bytes());
  EndRecord();
}

void MessageWriter::AddOpt(uint16_t rcode, const std::optional<ExtendedError>& error) {
  BeginRecord(Section::kAdditional, WireName(), kTypeOpt, kOurUdpSize, static_cast<uint32_t>(rcode >> 4) << 24);
  if (error) {
    Write16(kExtendedErrorOption);
    Write16(static_cast<uint16_t>(sizeof(error->code) + error->text.size()));
    Write16(error->code);
    WriteBytes({reinterpret_cast<const uint8_t*>(error->text.data()), error->text.size()});
  }
  EndRecord();
}

}  // namespace sluice::dns
