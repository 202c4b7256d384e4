#include "clients/cli/top_screen.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "clients/cli/table.h"
#include "clients/cli/text.h"
#include "protos/text/enum_words.h"

namespace sluice::cli {
namespace {

constexpr size_t kHeadRows = 2;  // with the empty line below it
constexpr size_t kTableHeader = 1;
constexpr size_t kMinRemoteRows = 4;  // what remotes have of a screen, where there are sandboxes enough

std::string Bytes(double a_second) { return absl::StrCat(BytesText(static_cast<uint64_t>(std::llround(a_second))), "/s"); }

std::string Count(double a_second) {
  if (a_second == 0) return "-";
  return a_second < 10 ? absl::StrFormat("%.1f", a_second) : absl::StrFormat("%.0f", a_second);
}

std::string Head(const Traffic& traffic, absl::TimeZone zone) {
  const size_t count = traffic.sandboxes.size();
  return absl::StrCat(absl::FormatTime("%H:%M:%S", traffic.time, zone), "  ", count,
                      count == 1 ? " sandbox" : " sandboxes", "  ", Bytes(traffic.total.to_remote), " out  ",
                      Bytes(traffic.total.to_guest), " in  ", traffic.flows_open, " flows  ",
                      Count(traffic.total.denied), " denied/s");
}

std::vector<std::string> Sandboxes(const Traffic& traffic) {
  Table table({"SANDBOX", "STATE", "OUT", "IN", "FLOWS", "OPENED/s", "DENIED/s", "DNS/s", "BLOCKED/s"});
  for (const SandboxTraffic& sandbox : traffic.sandboxes) {
    const TrafficRates& rates = sandbox.rates;
    table.AddRow({sandbox.now.id, EnumWord(sandbox.now.state), Bytes(rates.to_remote), Bytes(rates.to_guest),
                  absl::StrCat(sandbox.now.stats.flows_open()), Count(rates.opened), Count(rates.denied),
                  Count(rates.queries), Count(rates.queries_denied)});
  }
  return absl::StrSplit(table.Render(), '\n', absl::SkipEmpty());
}

std::string RemoteText(const v1::RemoteStats& remote) {
  const bool v6 = absl::StrContains(remote.address(), ':');
  const std::string endpoint = v6 ? absl::StrCat("[", remote.address(), "]:", remote.port())
                                  : absl::StrCat(remote.address(), ":", remote.port());
  return remote.name().empty() ? endpoint : absl::StrCat(endpoint, " ", remote.name());
}

std::vector<std::string> Remotes(const Traffic& traffic) {
  Table table({"REMOTE", "SANDBOX", "OUT", "IN", "FLOWS", "TOTAL"});
  for (const RemoteTraffic& remote : traffic.remotes) {
    const uint64_t total = remote.remote.bytes_to_remote() + remote.remote.bytes_to_guest();
    table.AddRow({RemoteText(remote.remote), remote.sandbox, Bytes(remote.rates.to_remote),
                  Bytes(remote.rates.to_guest), absl::StrCat(remote.remote.flows()), BytesText(total)});
  }
  return absl::StrSplit(table.Render(), '\n', absl::SkipEmpty());
}

// The first `rows` of `lines`; the last of them counts what is left out.
void Append(std::vector<std::string> lines, size_t rows, std::vector<std::string>& screen) {
  if (lines.size() > rows && rows > 0) {
    const size_t left_out = lines.size() - rows + 1;
    lines.resize(rows);
    lines.back() = absl::StrCat("... and ", left_out, " more");
  }
  lines.resize(std::min(lines.size(), rows));
  screen.insert(screen.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
}

}  // namespace

std::vector<std::string> TopScreen(const Traffic& traffic, const ScreenSize& size, absl::TimeZone zone) {
  std::vector<std::string> screen = {Head(traffic, zone), ""};
  std::vector<std::string> sandboxes = Sandboxes(traffic);
  std::vector<std::string> remotes = Remotes(traffic);
  const size_t rows = size.rows > kHeadRows ? size.rows - kHeadRows : 0;
  const bool has_remotes = !traffic.remotes.empty();
  const size_t for_remotes = has_remotes ? std::min(remotes.size() + 1, 1 + kTableHeader + kMinRemoteRows) : 0;
  Append(std::move(sandboxes), rows > for_remotes ? rows - for_remotes : rows, screen);
  if (has_remotes && screen.size() + 1 + kTableHeader < size.rows) {
    screen.push_back("");
    Append(std::move(remotes), size.rows - screen.size(), screen);
  }
  screen.resize(std::min(screen.size(), size.rows));
  for (std::string& line : screen) line.resize(std::min(line.size(), size.columns));
  return screen;
}

}  // namespace sluice::cli
