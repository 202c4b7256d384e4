// Many clients create, use and delete sandboxes while the server, workers and
// guests are killed at random. In the end every sandbox that was not deleted works,
// every other has left nothing, and every audit log is whole.
//
// tests/chaos runs it for longer: SLUICE_CHAOS_SECONDS, SLUICE_CHAOS_SEED.

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/leavings.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kClients = 6;
constexpr int kMaxSandboxes = 3;  // of one client at once
// A worker that is killed again and again is given up, rightly.
constexpr int kMaxKillsOfAWorker = 6;
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kWeb[] = "http://93.184.216.34/hello";
constexpr char kLan[] = "http://10.1.2.3/";

int FromEnvironment(const char* name, int otherwise) {
  int value = 0;
  const char* const text = getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

using Random = std::mt19937_64;
int Below(Random& random, int limit) { return static_cast<int>(random() % static_cast<uint64_t>(limit)); }

// What must be known of a sandbox in the end.
struct Expected {
  std::string uid;
  uint64_t generation = 1;  // of the last policy that was answered
};

// One client's sandboxes, and what it asks. Its own thread.
class Client {
 public:
  Client(const std::string& address, int number, uint64_t seed)
      : client_(address), number_(number), random_(seed + static_cast<uint64_t>(number)) {}

  void Act() {
    const int choice = Below(random_, 10);
    if (sandboxes_.empty() || (choice < 3 && sandboxes_.size() < kMaxSandboxes)) return Create();
    auto at = sandboxes_.begin();
    std::advance(at, Below(random_, static_cast<int>(sandboxes_.size())));
    if (choice < 5) return Delete(at->first);
    if (choice < 7) return SetPolicy(at->first, at->second);
    if (choice < 8) return Publish(at->first);
    Use(at->first);
  }

  const std::map<std::string, Expected>& sandboxes() const { return sandboxes_; }
  const std::set<std::string>& deleted() const { return deleted_; }
  // Of which there is no log: they never were.
  const std::set<std::string>& undone() const { return undone_; }
  int calls() const { return calls_; }
  const std::vector<std::string>& surprises() const { return surprises_; }

 private:
  // Sends a request until a server answers it.
  template <typename Call>
  grpc::Status Insist(Call call) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (true) {
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      SetTimeout(kPatience, context);
      ++calls_;
      const grpc::Status status = call(context);
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE || absl::Now() > deadline) return status;
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  void Surprise(const std::string& what, const grpc::Status& status) {
    surprises_.push_back(absl::StrCat(what, ": ", status.error_code(), " ", status.error_message()));
  }

  void Create() {
    const std::string id = absl::StrCat("c", number_, "-", ++created_);
    v1::CreateSandboxRequest request;
    *request.mutable_sandbox() = Proto<v1::Sandbox>("guest { oci {} } network { ports { guest_port: 8000 } }");
    request.mutable_sandbox()->set_id(id);
    request.set_request_id(id);
    v1::CreateSandboxResponse response;
    const grpc::Status status = Insist(
        [&](grpc::ClientContext& context) { return client_.sandboxes().CreateSandbox(&context, request, &response); });
    if (status.ok()) {
      sandboxes_[id] = {.uid = response.sandbox().uid(), .generation = 1};
    } else if (status.error_code() == grpc::StatusCode::INTERNAL ||
               status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
      // The worker or the guest was killed as it was made.
      undone_.insert(id);
    } else {
      Surprise("create", status);
    }
  }

  void Delete(const std::string& id) {
    v1::DeleteSandboxRequest request;
    request.set_sandbox_id(id);
    v1::DeleteSandboxResponse response;
    const grpc::Status status = Insist(
        [&](grpc::ClientContext& context) { return client_.sandboxes().DeleteSandbox(&context, request, &response); });
    if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) return Surprise("delete", status);
    deleted_.insert(id);
    sandboxes_.erase(id);
  }

  void SetPolicy(const std::string& id, Expected& expected) {
    v1::SetNetworkPolicyRequest request;
    request.set_sandbox_id(id);
    request.mutable_policy()->set_preset(v1::PRESET_PUBLIC_ONLY);
    v1::SetNetworkPolicyResponse response;
    const grpc::Status status = Insist([&](grpc::ClientContext& context) {
      return client_.sandboxes().SetNetworkPolicy(&context, request, &response);
    });
    if (!status.ok()) return Surprise("set policy", status);
    if (response.policy_generation() <= expected.generation) surprises_.push_back("a generation was used twice");
    expected.generation = response.policy_generation();
  }

  void Publish(const std::string& id) {
    v1::PublishPortRequest request;
    request.set_sandbox_id(id);
    request.mutable_port()->set_guest_port(8001);
    request.set_request_id(absl::StrCat(id, "-", ++published_));
    v1::PublishPortResponse response;
    grpc::Status status = Insist(
        [&](grpc::ClientContext& context) { return client_.sandboxes().PublishPort(&context, request, &response); });
    if (!status.ok()) return Surprise("publish", status);
    v1::UnpublishPortRequest undo;
    undo.set_sandbox_id(id);
    *undo.mutable_port() = response.port();
    v1::UnpublishPortResponse undone;
    status = Insist(
        [&](grpc::ClientContext& context) { return client_.sandboxes().UnpublishPort(&context, undo, &undone); });
    if (!status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND) Surprise("unpublish", status);
  }

  // What comes of it depends on what is killed meanwhile.
  void Use(const std::string& id) { RunInGuest(client_, id, Curl(kWeb, 3)).status().IgnoreError(); }

  SandboxClient client_;
  const int number_;
  Random random_;
  int created_ = 0;
  int published_ = 0;
  int calls_ = 0;
  std::map<std::string, Expected> sandboxes_;
  std::set<std::string> deleted_;
  std::set<std::string> undone_;
  std::vector<std::string> surprises_;
};

class ChaosTest : public E2eTest {
 protected:
  static void SetUpTestSuite() { StartSuite({.resolv_conf = "", .flags = {}, .leave_sandboxes = true}); }

  struct Kills {
    int servers = 0;
    int workers = 0;
    int guests = 0;
    int all() const { return servers + workers + guests; }
  };

  static std::string ReadText(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  // Kills the process unless its number has come to mean another.
  static bool Kill(pid_t pid, const std::string& name) {
    const std::string comm = ReadText(absl::StrCat("/proc/", pid, "/comm"));
    return pid > 1 && comm.substr(0, name.size()) == name && kill(pid, SIGKILL) == 0;
  }
  static std::string AnyEntry(const std::string& directory, Random& random) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
      names.push_back(at->path().filename());
    }
    return names.empty() ? "" : names[static_cast<size_t>(Below(random, static_cast<int>(names.size())))];
  }

  bool KillWorker(Random& random) {
    const std::string uid = AnyEntry(server().state_dir() + "/sandboxes", random);
    if (uid.empty() || worker_kills_[uid] >= kMaxKillsOfAWorker) return false;
    pid_t pid = 0;
    std::ifstream(absl::StrCat(server().state_dir(), "/sandboxes/", uid, "/worker.pid")) >> pid;
    if (!Kill(pid, "sluice-netsvc")) return false;
    ++worker_kills_[uid];
    return true;
  }
  bool KillGuest(Random& random) {
    const std::string uid = AnyEntry(server().state_dir() + "/oci", random);
    const std::string state = ReadText(absl::StrCat(server().state_dir(), "/oci/", uid, "/state.json"));
    const std::string key = "\"init_process_pid\":";
    const size_t at = state.find(key);
    if (at == state.npos || !Kill(atoi(state.c_str() + at + key.size()), "sluice-init")) return false;
    killed_guests_.insert(uid);
    return true;
  }
  // Kills until `deadline`.
  void KillAtRandom(Random& random, absl::Time deadline) {
    while (absl::Now() < deadline && !HasFatalFailure()) {
      absl::SleepFor(absl::Milliseconds(20 + Below(random, 250)));
      const int choice = Below(random, 10);
      if (choice < 3) {
        ASSERT_TRUE(server().End(SIGKILL).ok());
        const absl::Status restarted = server().Restart();
        ASSERT_TRUE(restarted.ok()) << restarted;
        ++kills_.servers;
      } else if (choice < 8) {
        kills_.workers += KillWorker(random);
      } else {
        kills_.guests += KillGuest(random);
      }
    }
  }

  static void ExpectWhole(const std::string& id) {
    std::map<std::string, uint64_t> last;  // by uid
    for (const v1::AuditEvent& event : Events(id)) {
      ASSERT_EQ(event.sequence(), ++last[event.sandbox_uid()]) << event.ShortDebugString();
    }
  }
  void ExpectWorks(const std::string& id, const Expected& expected) {
    const auto settled = client().AwaitSandbox([&id](const v1::Sandbox& sandbox) {
      return sandbox.id() == id && sandbox.state() != v1::Sandbox::STATE_DEGRADED;
    });
    ASSERT_TRUE(settled.ok()) << id << ": " << settled.status();
    EXPECT_EQ(settled->uid(), expected.uid);
    EXPECT_GE(settled->network_status().policy_generation(), expected.generation);
    EXPECT_EQ(settled->network_status().ports_size(), 1);
    if (killed_guests_.contains(expected.uid)) {
      EXPECT_EQ(settled->state(), v1::Sandbox::STATE_STOPPED) << id << ": " << settled->state_message();
      return;
    }
    ASSERT_EQ(settled->state(), v1::Sandbox::STATE_RUNNING) << id << ": " << settled->state_message();
    EXPECT_EQ(Run(id, Curl(kWeb)).code, 0) << id;
    EXPECT_EQ(Run(id, Curl(kLan)).code, kCurlCannotConnect) << id;
  }

  Kills kills_;
  std::map<std::string, int> worker_kills_;  // by uid
  std::set<std::string> killed_guests_;      // uids
};

TEST_F(ChaosTest, NothingIsLostAndNothingIsLeft) {
  const int seconds = FromEnvironment("SLUICE_CHAOS_SECONDS", 25);
  const auto seed = static_cast<uint64_t>(
      FromEnvironment("SLUICE_CHAOS_SEED", static_cast<int>(std::random_device()() & 0x7fffffff)));
  printf("chaos: %d seconds, seed %llu\n", seconds, static_cast<unsigned long long>(seed));
  fflush(stdout);
  ASSERT_TRUE(client().List({}).ok());  // its connection counts
  const std::multiset<std::string> nothing = Leavings(lab(), server());
  const absl::Time deadline = absl::Now() + absl::Seconds(seconds);

  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>(server().unix_address(), i, seed));
    threads.emplace_back([client = clients.back().get(), deadline] {
      while (absl::Now() < deadline) client->Act();
    });
  }
  Random random(seed);
  KillAtRandom(random, deadline);
  for (std::thread& thread : threads) thread.join();

  int calls = 0;
  size_t deleted = 0;
  size_t alive = 0;
  for (const auto& client : clients) {
    calls += client->calls();
    deleted += client->deleted().size();
    alive += client->sandboxes().size();
    for (const std::string& surprise : client->surprises()) ADD_FAILURE() << surprise;
  }
  printf("chaos: %d kills (%d of the server, %d of workers, %d of guests), %d calls, %zu sandboxes deleted, %zu alive\n",
         kills_.all(), kills_.servers, kills_.workers, kills_.guests, calls, deleted, alive);
  EXPECT_GT(kills_.servers, 0);
  EXPECT_GT(kills_.workers, 0);

  for (const auto& client : clients) {
    for (const auto& [id, expected] : client->sandboxes()) {
      ExpectWorks(id, expected);
      ExpectWhole(id);
    }
    for (const std::string& id : client->deleted()) {
      EXPECT_TRUE(absl::IsNotFound(E2eTest::client().Get(id).status())) << id;
      ExpectWhole(id);
    }
    for (const std::string& id : client->undone()) {
      EXPECT_TRUE(absl::IsNotFound(E2eTest::client().Get(id).status())) << id;
    }
    for (const auto& [id, expected] : client->sandboxes()) EXPECT_TRUE(E2eTest::client().Delete(id).ok()) << id;
  }
  const auto left = E2eTest::client().List({});
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_TRUE(left->empty());
  EXPECT_EQ(NewLeavings(lab(), server(), nothing), "");
}

}  // namespace
}  // namespace sluice::e2e
