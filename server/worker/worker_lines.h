#ifndef SLUICE_SERVER_WORKER_WORKER_LINES_H_
#define SLUICE_SERVER_WORKER_WORKER_LINES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice {

// What a worker writes, as lines fit for the server's log whoever wrote them: in
// printable ASCII, other bytes and backslashes as \xNN; short; and few. Empty lines
// are left out. One thread at a time.
class WorkerLines {
 public:
  // Of a longer line the rest is cut off, and "..." says so.
  static constexpr size_t kMaxLine = 1024;  // bytes, before any is written as \xNN
  // What is past it is dropped; how many lines that were is told with the first line
  // after the minute, or at the end.
  static constexpr size_t kMaxLinesAMinute = 100;

  // The lines that `bytes`, read at `now` (of a clock that is never set back), end.
  std::vector<std::string> Take(absl::string_view bytes, absl::Duration now);
  // No more bytes come: the line that was begun. Nothing when called again.
  std::vector<std::string> End(absl::Duration now);

 private:
  void Append(absl::string_view part);
  void FinishLine(absl::Duration now, std::vector<std::string>& lines);
  void TellDropped(std::vector<std::string>& lines);

  std::string begun_;  // a line without its end, up to kMaxLine
  bool cut_ = false;
  absl::Duration minute_began_ = -absl::InfiniteDuration();
  size_t told_ = 0;       // in this minute
  uint64_t dropped_ = 0;  // and not told of
};

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_LINES_H_
