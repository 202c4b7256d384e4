#ifndef SLUICE_NETSVC_AUDIT_TEST_LOG_H_
#define SLUICE_NETSVC_AUDIT_TEST_LOG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "netsvc/audit/log_reader.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/base/clock.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::audit {

// An audit log in a directory of its own under TEST_TMPDIR, and what tests do
// with it. Removed in the end.
class TestLog {
 public:
  // Below `parent`, or else TEST_TMPDIR.
  explicit TestLog(const std::string& parent = "");
  ~TestLog();

  const std::string& path() const { return path_; }
  std::string SegmentPath(uint64_t first_sequence) const;
  // The first sequences of the segments.
  std::vector<uint64_t> Segments() const;
  FakeClock& clock() { return clock_; }
  // For the next Reopen. Its id is "box", its uid "uid-box".
  LogWriter::Options& options() { return options_; }

  // As if the writer's process had died and another taken over: what was not
  // flushed is gone.
  LogWriter& Reopen();
  LogWriter& writer() { return *writer_; }
  // Appends one event with this text and flushes. Its sequence.
  uint64_t Write(absl::string_view text);

  LogReader Reader(const LogPosition& position = {}) const;

 private:
  std::string path_;
  FakeClock clock_;
  LogWriter::Options options_;
  std::unique_ptr<LogWriter> writer_;
};

// An event that carries `text`.
v1::AuditEvent TextEvent(absl::string_view text);

// What the reader gives until the end for now: "3:text" for an event, "lost 4-7"
// for a loss, "error: ..." in the end where there is one.
std::vector<std::string> ReadAll(LogReader& reader);

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_TEST_LOG_H_
