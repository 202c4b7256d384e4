#include "netsvc/audit/log_fuzzer_records.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "absl/strings/string_view.h"
#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/record.h"
#include "netsvc/audit/segment.h"
#include "netsvc/base/big_endian.h"
#include "sluice/v1/audit.pb.h"
#include "tests/fuzz/seeds.h"

namespace sluice::audit {
namespace {

// Of a segment's header, where it is not whole.
constexpr size_t kPartOfHeader = 20;

class LogBuilder {
 public:
  LogBuilder() { Begin(1, SegmentHeader::kSize); }

  void Add(uint8_t control, absl::string_view bytes) {
    const uint64_t name = std::max(next_, segments_.back().first_sequence + 1);
    if ((control & kNewSegment) && name <= RecordHeader::kMaxSequence) {
      const size_t header = control & kShortHeader ? kPartOfHeader : SegmentHeader::kSize;
      Begin(name, header);
    }
    std::string& to = segments_.back().bytes;
    if (to.size() < SegmentHeader::kSize) return;
    const size_t begin = to.size();
    if (control & kRecord) {
      AddRecord(control, bytes);
    } else {
      to.append(bytes.data(), bytes.size());
    }
    const size_t added = to.size() - begin;
    if ((control & kFlip) && added > 0) to[begin + bytes.size() * 7 % added] ^= 0x10;
    if (control & kCut) to.resize(begin + added / 2);
  }

  std::vector<FuzzedSegment> Take() && { return std::move(segments_); }

 private:
  void Begin(uint64_t first_sequence, size_t header_size) {
    next_ = std::max(next_, first_sequence);
    const std::array<char, SegmentHeader::kSize> header =
        SegmentHeader{.first_sequence = first_sequence, .latest_before = absl::FromUnixSeconds(1)}.Encode();
    segments_.push_back({first_sequence, std::string(header.data(), header_size)});
  }

  void AddRecord(uint8_t control, absl::string_view payload) {
    RecordHeader record;
    record.sequence = next_;
    if (control & kSkipNumbers) record.sequence += 1 + payload.size();
    if (control & kOldNumber) record.sequence = std::max<uint64_t>(next_, 2) - 1;
    if (control & kLastNumbers) record.sequence = RecordHeader::kMaxSequence - 1 - payload.size();
    next_ = std::min(std::max(next_, record.sequence + 1), RecordHeader::kMaxSequence);
    record.time = absl::FromUnixSeconds(static_cast<int64_t>(1 + payload.size()));
    record.payload_size = static_cast<uint32_t>(payload.size());
    record.payload_crc = Crc32c(payload);
    char bytes[RecordHeader::kSize];
    record.Encode(bytes);
    segments_.back().bytes.append(bytes, sizeof(bytes)).append(payload.data(), payload.size());
  }

  std::vector<FuzzedSegment> segments_;
  uint64_t next_ = 1;
};

}  // namespace

std::vector<FuzzedSegment> SegmentsOf(std::span<const uint8_t> input) {
  LogBuilder log;
  while (input.size() >= kPartHeaderSize) {
    const uint8_t control = input[0];
    const size_t size = std::min<size_t>(Load16(&input[1]), input.size() - kPartHeaderSize);
    log.Add(control, {reinterpret_cast<const char*>(input.data()) + kPartHeaderSize, size});
    input = input.subspan(kPartHeaderSize + size);
  }
  return std::move(log).Take();
}

}  // namespace sluice::audit

namespace sluice::fuzz {
namespace {

using namespace audit;

// One event for each of `controls`, as a record.
Bytes Log(std::initializer_list<int> controls) {
  Bytes log;
  int number = 0;
  for (const int control : controls) {
    v1::AuditEvent event;
    event.mutable_lifecycle()->set_message(std::string(static_cast<size_t>(++number), 'e'));
    const std::string payload = event.SerializeAsString();
    log.insert(log.end(), {static_cast<uint8_t>(control), 0, static_cast<uint8_t>(payload.size())});
    log.insert(log.end(), payload.begin(), payload.end());
  }
  return log;
}

}  // namespace

// A sound log, and one with each kind of damage: in its middle, at its end, at the
// end of a segment.
std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds = {Log({}), Log({kRecord, kRecord, kRecord}),
                              Log({kRecord, kRecord | kNewSegment, kRecord, kRecord | kNewSegment})};
  for (const int damage : {0, int{kFlip}, int{kCut}, int{kSkipNumbers}, int{kOldNumber}, int{kLastNumbers},
                           kNewSegment | kShortHeader}) {
    const int odd = damage == 0 ? 0 : kRecord | damage;
    seeds.push_back(Log({kRecord, odd, kRecord}));
    seeds.push_back(Log({kRecord, kRecord, odd}));
    seeds.push_back(Log({kRecord, odd, kRecord | kNewSegment, kRecord}));
    seeds.push_back(Log({kRecord, odd, odd | kNewSegment, kRecord | kNewSegment, odd}));
  }
  return seeds;
}

}  // namespace sluice::fuzz
