#include "server/worker/worker_lines.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

std::string Printable(absl::string_view line) {
  std::string text;
  for (const char c : line) {
    if (absl::ascii_isprint(static_cast<unsigned char>(c)) && c != '\\') {
      text.push_back(c);
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> WorkerLines::Take(absl::string_view bytes, absl::Duration now) {
  std::vector<std::string> lines;
  for (size_t end; (end = bytes.find('\n')) != absl::string_view::npos; bytes.remove_prefix(end + 1)) {
    Append(bytes.substr(0, end));
    FinishLine(now, lines);
  }
  Append(bytes);
  return lines;
}

std::vector<std::string> WorkerLines::End(absl::Duration now) {
  std::vector<std::string> lines;
  FinishLine(now, lines);
  TellDropped(lines);
  return lines;
}

void WorkerLines::Append(absl::string_view part) {
  const size_t room = kMaxLine - begun_.size();
  cut_ = cut_ || part.size() > room;
  absl::StrAppend(&begun_, part.substr(0, room));
}

void WorkerLines::FinishLine(absl::Duration now, std::vector<std::string>& lines) {
  const std::string line = std::exchange(begun_, "");
  const bool cut = std::exchange(cut_, false);
  if (line.empty()) return;
  if (now - minute_began_ >= absl::Minutes(1)) {
    TellDropped(lines);
    minute_began_ = now;
    told_ = 0;
  }
  if (told_ == kMaxLinesAMinute) {
    ++dropped_;
    return;
  }
  ++told_;
  lines.push_back(absl::StrCat(Printable(line), cut ? "..." : ""));
}

void WorkerLines::TellDropped(std::vector<std::string>& lines) {
  const uint64_t dropped = std::exchange(dropped_, 0);
  if (dropped == 0) return;
  lines.push_back(absl::StrCat("lines dropped, past ", kMaxLinesAMinute, " in a minute: ", dropped));
}

}  // namespace sluice
