#include "netsvc/audit/record.h"

#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/little_endian.h"

namespace sluice::audit {
namespace {

constexpr size_t kPayloadCrcAt = 4;
constexpr size_t kPayloadSizeAt = 8;
constexpr size_t kSequenceAt = 12;
constexpr size_t kTimeAt = 20;

uint32_t HeaderCrc(const char* bytes) {
  return Crc32c({bytes + kPayloadCrcAt, RecordHeader::kSize - kPayloadCrcAt});
}

}  // namespace

std::optional<RecordHeader> RecordHeader::Decode(absl::string_view bytes) {
  if (bytes.size() < kSize) return std::nullopt;
  RecordHeader header;
  header.payload_crc = LoadLittleEndian<uint32_t>(bytes.data() + kPayloadCrcAt);
  header.payload_size = LoadLittleEndian<uint32_t>(bytes.data() + kPayloadSizeAt);
  header.sequence = LoadLittleEndian<uint64_t>(bytes.data() + kSequenceAt);
  header.time = absl::FromUnixNanos(static_cast<int64_t>(LoadLittleEndian<uint64_t>(bytes.data() + kTimeAt)));
  if (header.payload_size == 0 || header.payload_size > kMaxPayload) return std::nullopt;
  if (header.sequence == 0 || header.sequence > kMaxSequence) return std::nullopt;
  if (LoadLittleEndian<uint32_t>(bytes.data()) != HeaderCrc(bytes.data())) return std::nullopt;
  return header;
}

void RecordHeader::Encode(char* bytes) const {
  StoreLittleEndian(payload_crc, bytes + kPayloadCrcAt);
  StoreLittleEndian(payload_size, bytes + kPayloadSizeAt);
  StoreLittleEndian(sequence, bytes + kSequenceAt);
  StoreLittleEndian(static_cast<uint64_t>(absl::ToUnixNanos(time)), bytes + kTimeAt);
  StoreLittleEndian(HeaderCrc(bytes), bytes);
}

}  // namespace sluice::audit
