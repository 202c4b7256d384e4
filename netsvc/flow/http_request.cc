#include "netsvc/flow/http_request.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "netsvc/flow/host_text.h"

namespace sluice::flow {
namespace {

using absl::string_view;

constexpr string_view kVersionName = "HTTP/";
constexpr string_view kHttp2Preface = "PRI * HTTP/2.0";  // RFC 9113 section 3.4
// Lenient servers take any of these between words (RFC 9112 section 3).
constexpr string_view kWhitespace = " \t\v\f\r";

// RFC 9110 section 5.6.2
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || (c != '\0' && absl::StrContains("!#$%&'*+-.^_`|~", c));
}

bool IsToken(string_view text) { return !text.empty() && std::ranges::all_of(text, IsTokenCharacter); }

bool IsControl(char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }

bool HasControl(string_view text) { return std::ranges::any_of(text, IsControl); }

string_view SkipWhitespace(string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kWhitespace), text.size()));
  return text;
}

string_view FirstWord(string_view text) { return text.substr(0, text.find_first_of(kWhitespace)); }

// Of "scheme://authority/path" (RFC 3986 section 3), the authority.
std::optional<string_view> AuthorityOf(string_view target) {
  const size_t scheme = target.find("://");
  if (scheme == 0 || scheme == target.npos) return std::nullopt;
  for (const char c : target.substr(0, scheme)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && !absl::StrContains("+-.", c)) return std::nullopt;
  }
  target.remove_prefix(scheme + 3);
  return target.substr(0, target.find_first_of("/?#"));
}

// A request line as a lenient server splits it.
struct RequestLine {
  string_view method;
  string_view target;
  string_view after_target;
};

enum class Likeness { kUndecided, kRequest, kNoRequest };

bool NamesVersion(const RequestLine& line) {
  if (absl::StartsWithIgnoreCase(line.target, kVersionName)) return true;
  for (string_view rest = SkipWhitespace(line.after_target); !rest.empty();) {
    const string_view word = FirstWord(rest);
    if (absl::StartsWithIgnoreCase(word, kVersionName)) return true;
    rest = SkipWhitespace(rest.substr(word.size()));
  }
  return false;
}

// A control character that no server takes for white space: what it makes of the
// line is anyone's guess.
bool HasStray(string_view text) {
  return std::ranges::any_of(text, [](char c) { return IsControl(c) && !absl::StrContains(kWhitespace, c); });
}

// Splits `text`, a line without its LF, whole or not yet.
Likeness Split(string_view text, bool whole, RequestLine& line) {
  const Likeness at_end = whole ? Likeness::kNoRequest : Likeness::kUndecided;
  text = SkipWhitespace(text);
  line.method = text.substr(0, std::ranges::find_if_not(text, IsTokenCharacter) - text.begin());
  string_view rest = text.substr(line.method.size());
  if (rest.empty()) return at_end;
  if (line.method.empty() || !absl::StrContains(kWhitespace, rest[0])) return Likeness::kNoRequest;
  rest = SkipWhitespace(rest);
  if (rest.empty()) return at_end;
  if (IsControl(rest[0])) return Likeness::kNoRequest;
  line.target = FirstWord(rest);
  line.after_target = rest.substr(line.target.size());
  const bool request = line.target[0] == '/' || AuthorityOf(line.target) || NamesVersion(line) || HasStray(rest);
  return request ? Likeness::kRequest : at_end;
}

// HTTP/0.9 has no fields. Other protocols that write their lines as HTTP does
// (RTSP) have an absolute target.
Inspection InspectUnversioned(const RequestLine& line) {
  if (const std::optional<string_view> authority = AuthorityOf(line.target)) return InspectAuthority(*authority);
  return line.after_target.empty() ? Inspection::Nameless() : Inspection::Unreadable();
}

// Whether `text` is just what RFC 9112 section 3 says, of HTTP/1.x.
bool IsStrict(string_view text, const RequestLine& line) {
  const size_t target_at = line.method.size() + 1;
  return text.size() == target_at + line.target.size() + line.after_target.size() && text[target_at - 1] == ' ' &&
         line.after_target.size() == 9 && absl::StartsWith(line.after_target, " HTTP/1.") &&
         absl::ascii_isdigit(static_cast<unsigned char>(line.after_target.back()));
}

// Of the four forms of RFC 9112 section 3.2; nothing where the name is left to
// the Host field.
std::optional<Inspection> InspectTarget(const RequestLine& line) {
  if (line.target[0] == '/' || line.target == "*") return std::nullopt;
  if (const std::optional<string_view> authority = AuthorityOf(line.target)) return InspectAuthority(*authority);
  return line.method == "CONNECT" ? InspectAuthority(line.target) : Inspection::Unreadable();
}

// False: the field, or that it stands there at all, is unreadable.
bool ReadField(string_view line, std::optional<Inspection>& host) {
  const size_t colon = line.find(':');
  const bool sound = colon != line.npos && IsToken(line.substr(0, colon)) &&
                     std::ranges::all_of(line, [](char c) { return c == '\t' || !IsControl(c); });
  if (!sound) return false;
  if (!absl::EqualsIgnoreCase(line.substr(0, colon), "host")) return true;
  const string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  const Inspection read = value.empty() ? Inspection::Nameless() : InspectAuthority(value);
  if (host && *host != read) return false;
  host = read;
  return true;
}

enum class Section { kUndecided, kWhole, kUnreadable };

// The header section that `text` begins with, to the empty line at its end.
Section ReadFields(string_view text, std::optional<Inspection>& host) {
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    string_view line = text.substr(0, end);
    if (!absl::ConsumeSuffix(&line, "\r")) return Section::kUnreadable;
    if (line.empty()) return Section::kWhole;
    if (!ReadField(line, host)) return Section::kUnreadable;
    text.remove_prefix(end + 1);
  }
  return Section::kUndecided;
}

Inspection InspectVersioned(const RequestLine& line, string_view fields) {
  std::optional<Inspection> by_host;
  switch (ReadFields(fields, by_host)) {
    case Section::kUndecided:
      return Inspection::Undecided();
    case Section::kUnreadable:
      return Inspection::Unreadable();
    case Section::kWhole:
      break;
  }
  const std::optional<Inspection> by_target = InspectTarget(line);
  if (!by_target) return by_host.value_or(Inspection::Nameless());
  // Servers ought to go by the target (section 3.2.2), but not all do.
  return by_host.value_or(*by_target) == *by_target ? *by_target : Inspection::Unreadable();
}

}  // namespace

Inspection InspectHttp(std::span<const uint8_t> stream) {
  string_view text(reinterpret_cast<const char*>(stream.data()), stream.size());
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));  // RFC 9112 section 2.2
  const size_t end = text.find('\n');
  const bool whole = end != text.npos;
  string_view line_text = text.substr(0, end);
  const bool has_cr = absl::ConsumeSuffix(&line_text, "\r");
  RequestLine line;
  switch (Split(line_text, whole, line)) {
    case Likeness::kUndecided:
      return Inspection::Undecided();
    case Likeness::kNoRequest:
      return Inspection::Unknown();
    case Likeness::kRequest:
      break;
  }
  if (HasControl(line_text) || (whole && !has_cr)) return Inspection::Unreadable();
  if (!whole) return Inspection::Undecided();
  if (line_text == kHttp2Preface) return Inspection::Nameless();
  if (!NamesVersion(line)) return InspectUnversioned(line);
  return IsStrict(line_text, line) ? InspectVersioned(line, text.substr(end + 1)) : Inspection::Unreadable();
}

}  // namespace sluice::flow
