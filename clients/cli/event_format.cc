#include "clients/cli/event_format.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cli/event_text.h"
#include "clients/cli/text.h"

namespace sluice::cli {
namespace {

// ECMA-48 Select Graphic Rendition.
constexpr char kRed[] = "\x1b[31m";
constexpr char kGreen[] = "\x1b[32m";
constexpr char kYellow[] = "\x1b[33m";
constexpr char kDim[] = "\x1b[2m";
constexpr char kBold[] = "\x1b[1m";
constexpr char kReset[] = "\x1b[0m";

constexpr char kTimeFormat[] = "%m-%d %H:%M:%E3S";
constexpr size_t kTimeWidth = 18;
constexpr size_t kVerdictWidth = 5;
constexpr size_t kMaxColumnWidth = 90;  // one long name must not push all that follow off the screen

// Pads to `width`, which grows to what `text` needs.
std::string Column(std::string text, size_t& width) {
  width = std::max(width, std::min(text.size(), kMaxColumnWidth));
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string FixedColumn(std::string text, size_t width) { return Column(std::move(text), width); }

std::string WithoutTrailingSpace(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string EventFormatter::Painted(const char* color, std::string text) const {
  if (!options_.color) return text;
  return absl::StrCat(color, text, kReset);
}

std::string EventFormatter::Header() {
  const std::string line =
      absl::StrCat(FixedColumn("TIME", kTimeWidth), "  ", Column("SANDBOX", sandbox_width_), "  ",
                   FixedColumn("", kVerdictWidth), "  ", Column("WHAT", what_width_), "  ",
                   Column("RULE", why_width_), "  DETAIL");
  return absl::StrCat(Painted(kBold, line), "\n");
}

std::string EventFormatter::Line(const v1::AuditEvent& event) {
  const EventText text = DescribeEvent(event);
  const std::string time = absl::FormatTime(kTimeFormat, FromProto(event.time()), options_.zone);
  std::string verdict = FixedColumn("", kVerdictWidth);
  if (text.verdict == v1::ACTION_ALLOW) verdict = Painted(kGreen, FixedColumn("allow", kVerdictWidth));
  if (text.verdict == v1::ACTION_DENY) verdict = Painted(kRed, FixedColumn("DENY", kVerdictWidth));
  const std::string line = absl::StrCat(
      Painted(kDim, time), "  ", Column(Printable(event.sandbox_id()), sandbox_width_), "  ", verdict, "  ",
      Column(text.what, what_width_), "  ", Column(text.why, why_width_), "  ", text.detail);
  return absl::StrCat(WithoutTrailingSpace(line), "\n");
}

std::string EventFormatter::Lost(const v1::LostEvents& lost) const {
  const std::string line =
      absl::StrCat("-- ", Printable(lost.sandbox_id()), ": events ", lost.first_sequence(), " to ",
                   lost.last_sequence(), " are gone: retention removed them before they were read --");
  return absl::StrCat(Painted(kYellow, line), "\n");
}

}  // namespace sluice::cli
