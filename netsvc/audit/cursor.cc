#include "netsvc/audit/cursor.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/little_endian.h"
#include "netsvc/audit/record.h"
#include "sluice/internal/v1/cursor.pb.h"

namespace sluice::audit {
namespace {

// The text: version, then base64url of the message and, for mistakes in
// copying, of its checksum.
constexpr absl::string_view kVersion = "1.";
constexpr size_t kChecksumSize = 4;

std::string Checksum(absl::string_view data) {
  std::string bytes(kChecksumSize, '\0');
  StoreLittleEndian(Crc32c(data), bytes.data());
  return bytes;
}

// FNV-1a, 64 bits.
uint64_t Hash(absl::string_view sandbox_uid) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : sandbox_uid) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

absl::StatusOr<Cursor> Cursor::FromText(absl::string_view text) {
  if (text.size() > kMaxTextSize) {
    return absl::InvalidArgumentError(absl::StrCat("longer than any cursor: ", text.size(), " bytes"));
  }
  if (!absl::ConsumePrefix(&text, kVersion)) return absl::InvalidArgumentError("not a cursor of this server's version");
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() < kChecksumSize) {
    return absl::InvalidArgumentError("not a cursor");
  }
  const absl::string_view message(bytes.data(), bytes.size() - kChecksumSize);
  internal::v1::AuditCursor proto;
  if (absl::string_view(bytes).substr(message.size()) != Checksum(message) ||
      !proto.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
      proto.logs_size() != proto.next_sequences_size()) {
    return absl::InvalidArgumentError("not a cursor, or not a whole one");
  }
  Cursor cursor;
  for (int i = 0; i < proto.logs_size(); ++i) {
    const uint64_t next_sequence = proto.next_sequences(i);
    // One past the last sequence: where a reader of a log with that one stands.
    if (next_sequence == 0 || next_sequence > RecordHeader::kMaxSequence + 1) {
      return absl::InvalidArgumentError("not a cursor: a sequence is out of range");
    }
    cursor.next_sequences_[proto.logs(i)] = next_sequence;
  }
  return cursor;
}

std::string Cursor::ToText() const {
  internal::v1::AuditCursor proto;
  proto.mutable_logs()->Reserve(static_cast<int>(next_sequences_.size()));
  proto.mutable_next_sequences()->Reserve(static_cast<int>(next_sequences_.size()));
  for (const auto& [log, next_sequence] : next_sequences_) {
    proto.add_logs(log);
    proto.add_next_sequences(next_sequence);
  }
  std::string message = proto.SerializeAsString();
  message += Checksum(message);
  return absl::StrCat(kVersion, absl::WebSafeBase64Escape(message));
}

void Cursor::Set(absl::string_view sandbox_uid, uint64_t next_sequence) {
  next_sequences_[Hash(sandbox_uid)] = next_sequence;
}

void Cursor::Erase(absl::string_view sandbox_uid) { next_sequences_.erase(Hash(sandbox_uid)); }

std::optional<uint64_t> Cursor::Get(absl::string_view sandbox_uid) const {
  const auto found = next_sequences_.find(Hash(sandbox_uid));
  if (found == next_sequences_.end()) return std::nullopt;
  return found->second;
}

}  // namespace sluice::audit
