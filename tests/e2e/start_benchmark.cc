// How long it takes until a container runs its first program: sandboxes beside
// runc, podman and bwrap on the same root directory, one of each in turn, so that
// what else the machine does hits all alike. tests/bench/start runs it.

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"
#include "nlohmann/json.hpp"
#include "server/guest/seccomp_profile.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/sandbox_client.h"
#include "tests/e2e/server_process.h"
#include "tests/lab/lab.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kCommandTimeout = absl::Seconds(60);

// Ends the benchmark where something that is measured does not work.
void Check(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return;
  absl::FPrintF(stderr, "%s: %s\n", what, status.ToString());
  exit(1);
}

void Command(const std::vector<std::string>& argv) {
  const auto result = lab::RunCommand(argv, kCommandTimeout);
  Check(result.status(), argv.front());
  if (result->exit_code != 0) Check(absl::InternalError(result->err), argv.front());
}

// Podman and bwrap are not everywhere, and do not run everywhere: crun, for one,
// refuses a host with both versions of cgroups.
bool Runs(const std::vector<std::string>& argv) {
  const auto result = lab::RunCommand(argv, kCommandTimeout);
  if (result.ok() && result->exit_code == 0) return true;
  absl::PrintF("%s is not measured: %s\n", argv.front(), result.ok() ? result->err : result.status().ToString());
  return false;
}

double Milliseconds(const std::function<void()>& work) {
  const absl::Time began = absl::Now();
  work();
  return absl::ToDoubleMilliseconds(absl::Now() - began);
}

double Percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(part * static_cast<double>(values.size())))];
}

// A root directory with busybox, and OCI bundles of it for runc: as it proposes them, and
// with the filter of system calls that containers of sandboxes have.
class Root {
 public:
  Root() {
    std::string pattern = "/tmp/sluice-bench.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    for (const char* name : {"bin", "dev", "etc", "proc", "run", "sys", "tmp", "usr"}) fs::create_directories(absl::StrCat(rootfs(), "/", name));
    fs::copy_file("/bin/busybox", absl::StrCat(rootfs(), "/bin/busybox"));
    for (const char* applet : {"sh", "true", "sleep"}) fs::create_symlink("busybox", absl::StrCat(rootfs(), "/bin/", applet));
    Command({"runc", "spec", "--bundle", directory_});
    nlohmann::json config = nlohmann::json::parse(ReadFile(Config(bundle()), 1 << 20).value_or(""));
    config["process"]["terminal"] = false;
    config["process"]["args"] = {"sleep", "1000"};
    config["root"]["path"] = rootfs();
    Check(WriteFile(Config(bundle()), config.dump()), "the bundle");
    config["linux"]["seccomp"] = SeccompProfile();
    fs::create_directory(filtered_bundle());
    Check(WriteFile(Config(filtered_bundle()), config.dump()), "the bundle with a filter");
  }
  ~Root() {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  const std::string& bundle() const { return directory_; }
  std::string filtered_bundle() const { return absl::StrCat(directory_, "/filtered"); }
  std::string rootfs() const { return absl::StrCat(directory_, "/rootfs"); }

 private:
  static std::string Config(const std::string& bundle) { return absl::StrCat(bundle, "/config.json"); }

  std::string directory_;
};

class Benchmark {
 public:
  Benchmark(SandboxClient& client, const Root& root) : client_(client), root_(root) {
    const std::map<std::string, std::vector<std::string>> peers = {
        {"podman run",
         {"podman", "run", "--runtime=runc", "--rm", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--network=none",
          "--rootfs", absl::StrCat(root.rootfs(), ":O"), "true"}},
        {"bwrap",
         {"bwrap", "--unshare-all", "--ro-bind", root.rootfs(), "/", "--proc", "/proc", "--dev", "/dev", "true"}}};
    for (const auto& [name, command] : peers) {
      if (Runs(command)) peers_[name] = command;
    }
  }

  void Round(int number) {
    Sandbox(absl::StrCat("bench-", number));
    const std::string id = absl::StrCat("sluice-bench-", getpid(), "-", number);
    Runc(id, root_.bundle(), "runc");
    Runc(absl::StrCat(id, "-filtered"), root_.filtered_bundle(), "runc, filtered,");
    for (const auto& [name, command] : peers_) {
      times_[name].push_back(Milliseconds([&command = command] { Command(command); }));
    }
  }

  void AtOnce(int count) {
    std::vector<double> times(static_cast<size_t>(count));
    std::vector<std::thread> threads;
    const double all = Milliseconds([&] {
      for (size_t i = 0; i < times.size(); ++i) {
        threads.emplace_back([&, i] { times[i] = Milliseconds([&] { Create(absl::StrCat("once-", i)); }); });
      }
      for (std::thread& thread : threads) thread.join();
    });
    absl::PrintF("%d sandboxes at once: median %.0f ms, p99 %.0f ms, all after %.0f ms\n", count,
                 Percentile(times, 0.5), Percentile(times, 0.99), all);
    for (size_t i = 0; i < times.size(); ++i) Check(client_.Delete(absl::StrCat("once-", i)), "delete");
  }

  void Print() const {
    const double base = Percentile(times_.at("runc create, start"), 0.5);
    absl::PrintF("%-34s %8s %8s %8s %10s\n", "", "median", "p90", "worst", "to runc");
    for (const auto& [name, times] : times_) {
      const double median = Percentile(times, 0.5);
      absl::PrintF("%-34s %5.1f ms %5.1f ms %5.1f ms %+7.1f ms\n", name, median, Percentile(times, 0.9),
                   Percentile(times, 1), median - base);
    }
  }

 private:
  void Create(const std::string& id) {
    v1::Sandbox sandbox;
    sandbox.set_id(id);
    sandbox.mutable_guest()->mutable_oci()->set_rootfs(root_.rootfs());
    Check(client_.Create(sandbox).status(), "CreateSandbox");
  }

  void Sandbox(const std::string& id) {
    const absl::Time began = absl::Now();
    Create(id);
    const absl::Time created = absl::Now();
    const absl::StatusOr<ExecResult> result = RunInGuest(client_, id, {"true"});
    Check(result.status(), "Exec");
    times_["sluice CreateSandbox"].push_back(absl::ToDoubleMilliseconds(created - began));
    times_["sluice CreateSandbox, Exec"].push_back(absl::ToDoubleMilliseconds(absl::Now() - began));
    times_["sluice DeleteSandbox"].push_back(Milliseconds([&] { Check(client_.Delete(id), "DeleteSandbox"); }));
  }

  void Runc(const std::string& id, const std::string& bundle, const std::string& name) {
    const absl::Time began = absl::Now();
    // "create" leaves its descriptors with the container: none are ours to wait for.
    Command({"sh", "-c", "exec runc create --bundle \"$1\" \"$2\" </dev/null >/dev/null 2>&1", "sh", bundle, id});
    Command({"runc", "start", id});
    times_[name + " create, start"].push_back(absl::ToDoubleMilliseconds(absl::Now() - began));
    Command({"runc", "exec", id, "true"});
    times_[name + " create, start, exec"].push_back(absl::ToDoubleMilliseconds(absl::Now() - began));
    Command({"runc", "delete", "--force", id});
  }

  SandboxClient& client_;
  const Root& root_;
  std::map<std::string, std::vector<std::string>> peers_;  // what runs here
  std::map<std::string, std::vector<double>> times_;
};

int Number(absl::string_view argument, absl::string_view flag, int otherwise) {
  int number;
  return absl::ConsumePrefix(&argument, flag) && absl::SimpleAtoi(argument, &number) && number > 0 ? number : otherwise;
}

int Main(int argc, char** argv) {
  int rounds = 20;
  int at_once = 50;
  for (int i = 1; i < argc; ++i) {
    rounds = Number(argv[i], "--rounds=", rounds);
    at_once = Number(argv[i], "--at_once=", at_once);
  }
  const auto lab = lab::Lab::Create();
  Check(lab.status(), "lab");
  const auto server = ServerProcess::Start(**lab);
  Check(server.status(), "sluiced");
  SandboxClient client((*server)->unix_address());
  const Root root;
  {
    Benchmark warm_up(client, root);
    warm_up.Round(0);
  }
  Benchmark benchmark(client, root);
  for (int i = 1; i <= rounds; ++i) benchmark.Round(i);
  benchmark.Print();
  benchmark.AtOnce(at_once);
  return 0;
}

}  // namespace
}  // namespace sluice::e2e

int main(int argc, char** argv) { return sluice::e2e::Main(argc, argv); }
