// An audit log whose bytes a hostile worker wrote, or a writer that died, or a disk
// that lost some: what readers make of it, what the next writer makes of it, and
// that the one agrees with the other. log_fuzzer_records.h says what an input is.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "netsvc/audit/crc32c.h"
#include "netsvc/audit/log_fuzzer_records.h"
#include "netsvc/audit/log_reader.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/audit/record.h"
#include "netsvc/audit/segment.h"
#include "netsvc/audit/segment_reader.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/io.h"
#include "tests/fuzz/require.h"

namespace sluice::audit {
namespace {

using Segment = FuzzedSegment;

constexpr char kNewText[] = "written after recovery";

// In memory, if the environment does not say where; there as long as the process.
class Directory {
 public:
  Directory() {
    const char* const home = getenv("TEST_TMPDIR");
    path_ = absl::StrCat(home == nullptr ? "/dev/shm" : home, "/log-XXXXXX");
    FUZZ_REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~Directory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  void Clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) std::filesystem::remove(entry.path());
  }

 private:
  std::string path_;
};

// A record of a segment, found in its bytes as README.md says: one after another,
// and where there is none the next that is one.
struct Found {
  RecordHeader header;
  size_t offset;
  bool whole;  // its payload has its checksum
};

std::vector<Found> RecordsIn(absl::string_view bytes) {
  std::vector<Found> records;
  size_t at = SegmentHeader::kSize;
  while (at < bytes.size()) {
    const std::optional<RecordHeader> header = RecordHeader::Decode(bytes.substr(at));
    if (!header) {
      ++at;
      continue;
    }
    const absl::string_view rest = bytes.substr(at + RecordHeader::kSize);
    if (rest.size() < header->payload_size) break;  // being written
    const bool whole = Crc32cByTable(rest.substr(0, header->payload_size)) == header->payload_crc;
    records.push_back({*header, at, whole});
    at += RecordHeader::kSize + header->payload_size;
  }
  return records;
}

// What a reader gives, one line each.
struct Reading {
  std::vector<std::string> items;
  uint64_t next = 1;  // the sequence that follows
  bool later_version = false;

  void Lose(uint64_t last) {
    items.push_back(absl::StrCat("lost ", next, "-", last));
    next = last + 1;
  }
  void Give(const v1::AuditEvent& event) {
    items.push_back(absl::StrCat(event.sequence(), ":", event.SerializeAsString()));
    next = event.sequence() + 1;
  }
  // Without how a loss was told: in one part or in several.
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    std::ranges::copy_if(items, std::back_inserter(events), [](const std::string& item) { return item[0] != 'l'; });
    return events;
  }
};

// What README.md has a reader from sequence 1 give.
Reading Expected(const std::vector<Segment>& segments) {
  Reading reading;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    const bool last = i + 1 == segments.size();
    if (segment.bytes.size() < SegmentHeader::kSize && last) break;  // being made
    if (segment.first_sequence > reading.next) reading.Lose(segment.first_sequence - 1);
    for (const Found& found : RecordsIn(segment.bytes)) {
      if (found.header.sequence < reading.next) continue;
      if (found.header.sequence > reading.next) reading.Lose(found.header.sequence - 1);
      v1::AuditEvent event;
      const bool parses = event.ParseFromArray(segment.bytes.data() + found.offset + RecordHeader::kSize,
                                               static_cast<int>(found.header.payload_size));
      event.set_sequence(found.header.sequence);
      if (found.whole && parses) {
        reading.Give(event);
      } else {
        reading.Lose(found.header.sequence);
      }
    }
  }
  return reading;
}

// All that `reader` gives for now, of which `next` comes first.
Reading Read(LogReader& reader, uint64_t next = 1) {
  Reading reading;
  reading.next = next;
  while (true) {
    absl::StatusOr<LogItem> item = reader.Next();
    reading.later_version = absl::IsFailedPrecondition(item.status());
    if (reading.later_version) return reading;
    FUZZ_REQUIRE(item.ok());
    if (std::holds_alternative<EndForNow>(*item)) return reading;
    if (const auto* lost = std::get_if<Lost>(&*item)) {
      FUZZ_REQUIRE(lost->first == reading.next && lost->last >= lost->first);
      reading.Lose(lost->last);
    } else if (const auto* event = std::get_if<v1::AuditEvent>(&*item)) {
      FUZZ_REQUIRE(event->sequence() == reading.next);
      reading.Give(*event);
    }
  }
}

Reading Read(const std::string& directory) {
  LogReader reader(OpenLogDirectory(directory).value(), {.next_sequence = 1});
  return Read(reader);
}

// One segment's records, by a reader that goes on and by one that begins anew at
// each: what they give stands in the bytes, with its checksums.
void ReadSegment(absl::string_view bytes) {
  UniqueFd file(memfd_create("segment", MFD_CLOEXEC));
  FUZZ_REQUIRE(WriteAll(file.get(), bytes).ok());
  const std::vector<Found> expected = RecordsIn(bytes);
  SegmentReader reader(UniqueFd(fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), SegmentHeader::kSize);
  uint64_t resumed_at = SegmentHeader::kSize;
  for (const Found& found : expected) {
    for (const bool anew : {false, true}) {
      SegmentReader other(UniqueFd(fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), resumed_at);
      const auto record = (anew ? other : reader).Next();
      FUZZ_REQUIRE(record.ok() && record->has_value());
      FUZZ_REQUIRE((*record)->offset == found.offset && (*record)->header.sequence == found.header.sequence);
      const absl::string_view payload = bytes.substr(found.offset + RecordHeader::kSize, found.header.payload_size);
      FUZZ_REQUIRE((*record)->payload == (found.whole ? payload : absl::string_view()));
    }
    resumed_at = reader.offset();
  }
  const auto end = reader.Next();
  FUZZ_REQUIRE(end.ok() && !end->has_value());
}

uint64_t HighestSequence(const std::vector<Segment>& segments) {
  uint64_t highest = 0;
  for (const Segment& segment : segments) {
    highest = std::max(highest, segment.first_sequence - 1);
    for (const Found& found : RecordsIn(segment.bytes)) highest = std::max(highest, found.header.sequence);
  }
  return highest;
}

// The next writer: reading before it equals reading after it, and what it writes
// bears a number that nothing bore, and is read.
void Recover(const std::string& directory, const std::vector<Segment>& segments, const Reading& before) {
  LogReader follower(OpenLogDirectory(directory).value(), {.next_sequence = 1});
  FUZZ_REQUIRE(Read(follower).items == before.items);
  FakeClock clock;
  auto writer = LogWriter::Open(OpenLogDirectory(directory).value(),
                                {.sandbox_id = "box", .sandbox_uid = "uid", .retention = {.segment_bytes = 512}}, clock);
  if (absl::IsDataLoss(writer.status())) {
    FUZZ_REQUIRE(HighestSequence(segments) > kMaxNextSequence / 2);
    return;
  }
  FUZZ_REQUIRE(writer.ok());
  FUZZ_REQUIRE(Read(directory).Events() == before.Events());
  v1::AuditEvent event;
  event.mutable_lifecycle()->set_message(kNewText);
  const uint64_t sequence = (*writer)->Append(event);
  FUZZ_REQUIRE((*writer)->Flush().ok() && (*writer)->dropped() == 0);
  FUZZ_REQUIRE(sequence > HighestSequence(segments));
  const Reading after = Read(directory);
  std::vector<std::string> events = before.Events();
  events.push_back(absl::StrCat(sequence, ":", event.SerializeAsString()));
  FUZZ_REQUIRE(after.Events() == events);
  const Reading rest = Read(follower, before.next);
  FUZZ_REQUIRE(rest.Events() == std::vector{events.back()});
}

void Run(const std::vector<Segment>& segments) {
  static const Directory home;
  home.Clear();
  const std::string& directory = home.path();
  for (const Segment& segment : segments) {
    ReadSegment(segment.bytes);
    FUZZ_REQUIRE(WriteFile(absl::StrCat(directory, "/", SegmentName(segment.first_sequence)), segment.bytes).ok());
  }
  const Reading reading = Read(directory);
  if (reading.later_version) return;
  FUZZ_REQUIRE(reading.items == Expected(segments).items);
  Recover(directory, segments, reading);
}

}  // namespace
}  // namespace sluice::audit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::audit::Run(sluice::audit::SegmentsOf({data, size}));
  return 0;
}
