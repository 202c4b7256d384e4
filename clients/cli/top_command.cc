#include "clients/cli/top_command.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "clients/cli/client.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/list_all.h"
#include "clients/cli/output.h"
#include "clients/cli/sandbox_options.h"
#include "clients/cli/terminal.h"
#include "clients/cli/top_screen.h"
#include "clients/cli/traffic.h"

namespace sluice::cli {
namespace {

constexpr uint32_t kRemotesOfEach = 20;
constexpr double kMinDelay = 0.2;  // seconds
constexpr double kMaxDelay = 3600;

struct TopOptions {
  std::vector<std::string> labels;
  double delay = 1;  // seconds
  bool once = false;
};

// One sandbox after the other. One that goes meanwhile is left out; one without a
// worker has carried nothing.
grpc::Status TakeSnapshot(Client& client, const v1::ListSandboxesRequest& list, TrafficSnapshot& snapshot) {
  std::vector<v1::Sandbox> sandboxes;
  const grpc::Status listed = ListAll(client, list, sandboxes);
  if (!listed.ok()) return listed;
  snapshot = {.time = absl::Now(), .sandboxes = {}};
  for (const v1::Sandbox& sandbox : sandboxes) {
    TrafficSample sample{.id = sandbox.id(), .state = sandbox.state(), .stats = {}};
    v1::GetNetworkStatsRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_max_remotes(kRemotesOfEach);
    const grpc::Status status = client.Call(&v1::SandboxService::Stub::GetNetworkStats, request, &sample.stats);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) continue;
    const bool no_worker = status.error_code() == grpc::StatusCode::UNAVAILABLE && !client.Unreachable(status);
    if (!status.ok() && !no_worker) return status;
    snapshot.sandboxes.push_back(std::move(sample));
  }
  return grpc::Status::OK;
}

std::vector<std::string> Screen(const Traffic& traffic, const ScreenSize& size) {
  std::vector<std::string> screen = TopScreen(traffic, size, absl::LocalTimeZone());
  if (screen.empty()) return screen;
  absl::StrAppend(&screen[0], "  (q quits)");
  screen[0].resize(std::min(screen[0].size(), size.columns));
  return screen;
}

class Top {
 public:
  Top(const Cli& cli, const TopOptions& options, v1::ListSandboxesRequest list)
      : client_(cli.server), list_(std::move(list)), delay_(absl::Seconds(options.delay)), json_(cli.json), once_(options.once) {}

  // A screen, or an object, each `delay`; returns the exit code.
  int Print();
  // Until it is quit.
  grpc::Status Show(Terminal& terminal);
  // Prints what went wrong; returns the exit code.
  int Fail(const grpc::Status& status) const { return client_.Fail("cannot see what the sandboxes do", status); }

 private:
  grpc::Status Begin() { return TakeSnapshot(client_, list_, before_); }
  // What happened since the last.
  grpc::Status Next(Traffic& traffic);
  std::string Text(const Traffic& traffic) const;

  Client client_;
  const v1::ListSandboxesRequest list_;
  const absl::Duration delay_;
  const bool json_;
  const bool once_;
  TrafficSnapshot before_;
};

grpc::Status Top::Next(Traffic& traffic) {
  TrafficSnapshot now;
  const grpc::Status status = TakeSnapshot(client_, list_, now);
  if (!status.ok()) return status;
  traffic = Between(before_, now);
  before_ = std::move(now);
  return status;
}

std::string Top::Text(const Traffic& traffic) const {
  if (json_) return absl::StrCat(TrafficJson(traffic), "\n");
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  return absl::StrCat(absl::StrJoin(TopScreen(traffic, {.rows = kAll, .columns = kAll}, absl::LocalTimeZone()), "\n"), "\n");
}

int Top::Print() {
  if (const grpc::Status status = Begin(); !status.ok()) return Fail(status);
  do {
    absl::SleepFor(delay_);
    Traffic traffic;
    if (const grpc::Status status = Next(traffic); !status.ok()) return Fail(status);
    if (const int code = cli::Print(Text(traffic)); code != kOk) return code;
  } while (!once_);
  return kOk;
}

grpc::Status Top::Show(Terminal& terminal) {
  if (const grpc::Status status = Begin(); !status.ok()) return status;
  Traffic traffic = Between(before_, before_);
  absl::Time next = absl::Now() + delay_;
  while (true) {
    if (!terminal.Draw(Screen(traffic, terminal.size())).ok()) return grpc::Status::OK;
    switch (terminal.Wait(next)) {
      case Terminal::Wake::kQuit:
        return grpc::Status::OK;
      case Terminal::Wake::kResized:
        break;
      case Terminal::Wake::kTime:
        if (const grpc::Status status = Next(traffic); !status.ok()) return status;
        next = absl::Now() + delay_;
        break;
    }
  }
}

int RunTop(const Cli& cli, const TopOptions& options) {
  v1::ListSandboxesRequest list;
  const absl::Status labels = FillMap("--label", options.labels, *list.mutable_labels());
  if (!labels.ok()) return UsageError(labels.message());
  if (cli.json || options.once) return Top(cli, options, std::move(list)).Print();
  absl::StatusOr<std::unique_ptr<Terminal>> terminal = Terminal::Open();
  if (!terminal.ok()) {
    return UsageError(absl::StrCat(terminal.status().message(),
                                   ": --once prints one screen, -o json an object a second"));
  }
  Top top(cli, options, std::move(list));
  const grpc::Status status = top.Show(**terminal);
  terminal->reset();  // what went wrong belongs on the screen that stays
  return status.ok() ? kOk : top.Fail(status);
}

}  // namespace

void AddTopCommand(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* top = app.add_subcommand("top", "Watch what sandboxes carry, to whom, and what they are denied");
  top->add_option("-d,--delay", options->delay, "Seconds between looks; 1 when left out")
      ->check(CLI::Range(kMinDelay, kMaxDelay))
      ->type_name("SECONDS");
  top->add_flag("--once", options->once, "Print one screen, whole, and end");
  AddRepeated(top, "-l,--label", options->labels, "Only sandboxes that bear this label. May be repeated")
      ->type_name("K=V");
  top->footer(
      "q quits. Who carries most stands first. Rates are of the time between two looks;\n"
      "remotes are those of flows that are open.\n\n"
      "Examples:\n"
      "  sluice top\n"
      "  sluice top --once -d 5\n"
      "  sluice top -o json | jq -c '.sandboxes[] | [.id, .per_second.flows_denied]'\n");
  SetAction(top, cli, options, &RunTop);
}

}  // namespace sluice::cli
