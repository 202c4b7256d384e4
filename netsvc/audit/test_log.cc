#include "netsvc/audit/test_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "netsvc/audit/segment.h"

namespace sluice::audit {

TestLog::TestLog(const std::string& parent) {
  path_ = absl::StrCat(parent.empty() ? testing::TempDir() : parent, "/log-XXXXXX");
  if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot make " << path_;
  options_.sandbox_id = "box";
  options_.sandbox_uid = "uid-box";
}

TestLog::~TestLog() {
  writer_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestLog::SegmentPath(uint64_t first_sequence) const {
  return absl::StrCat(path_, "/", SegmentName(first_sequence));
}

std::vector<uint64_t> TestLog::Segments() const {
  const absl::StatusOr<UniqueFd> directory = OpenLogDirectory(path_);
  return ListSegments(directory->get()).value();
}

LogWriter& TestLog::Reopen() {
  writer_.reset();
  writer_ = LogWriter::Open(OpenLogDirectory(path_).value(), options_, clock_).value();
  return *writer_;
}

uint64_t TestLog::Write(absl::string_view text) {
  if (writer_ == nullptr) Reopen();
  v1::AuditEvent event = TextEvent(text);
  const uint64_t sequence = writer_->Append(event);
  const absl::Status status = writer_->Flush();
  EXPECT_TRUE(status.ok()) << status;
  return sequence;
}

LogReader TestLog::Reader(const LogPosition& position) const {
  return LogReader(OpenLogDirectory(path_).value(), position);
}

v1::AuditEvent TextEvent(absl::string_view text) {
  v1::AuditEvent event;
  event.mutable_lifecycle()->set_message(std::string(text));
  return event;
}

std::vector<std::string> ReadAll(LogReader& reader) {
  std::vector<std::string> items;
  while (true) {
    const absl::StatusOr<LogItem> item = reader.Next();
    if (!item.ok()) {
      items.push_back(absl::StrCat("error: ", item.status().ToString()));
      return items;
    }
    if (std::holds_alternative<EndForNow>(*item)) return items;
    if (const auto* lost = std::get_if<Lost>(&*item)) items.push_back(absl::StrCat("lost ", lost->first, "-", lost->last));
    if (const auto* event = std::get_if<v1::AuditEvent>(&*item)) {
      items.push_back(absl::StrCat(event->sequence(), ":", event->lifecycle().message()));
    }
  }
}

}  // namespace sluice::audit
