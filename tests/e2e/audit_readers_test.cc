// Readers of the audit log that stop reading: they slow no worker and cost the
// server nothing, and are told exactly what retention took from them. For how long
// they stop under load is in SLUICE_READER_SECONDS.

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/audit_follower.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/guest_exec.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr int kReaders = 20;
// Connections that are denied, each an event of some 200 bytes.
constexpr int kLoad = 12'000;
constexpr size_t kMebibyte = 1 << 20;

int Seconds() {
  int seconds = 0;
  const char* const wanted = getenv("SLUICE_READER_SECONDS");
  return wanted != nullptr && absl::SimpleAtoi(wanted, &seconds) ? seconds : 5;
}

using Followers = std::vector<std::unique_ptr<AuditFollower>>;

class ReadersTest : public E2eTest {
 protected:
  static Followers Follow(const std::string& id, int count = kReaders, absl::Duration timeout = 2 * kCallTimeout) {
    Followers followers;
    for (int i = 0; i < count; ++i) {
      followers.push_back(std::make_unique<AuditFollower>(client(), id, timeout));
      followers.back()->ReadTo(1);  // it is under way, and stops here
    }
    return followers;
  }

  static absl::Duration Load(const std::string& id) {
    const absl::Time start = absl::Now();
    const ExecResult result = Run(id, RefusedConnects(kLoad));
    EXPECT_EQ(result.code, 0) << result.err;
    return absl::Now() - start;
  }

  // The number of an event that comes after the load's.
  static uint64_t LastNumber(const std::string& id) {
    SetPolicy(id, "preset: PRESET_ALLOW_ALL");
    return AwaitEvent(id, [](const v1::AuditEvent& event) { return event.has_policy() && event.policy_generation() == 2; })
        .sequence();
  }

  // Of the server, in bytes.
  static size_t ResidentSize() {
    std::ifstream status(absl::StrCat("/proc/", server().pid(), "/status"));
    std::string word;
    size_t kibibytes = 0;
    while (status >> word && word != "VmRSS:") continue;
    EXPECT_TRUE(status >> kibibytes);
    return kibibytes << 10;
  }
};

class StoppedReaderTest : public ReadersTest {
 protected:
  // How much a process may take beyond what it had.
  static constexpr size_t kGrowth = 16 * kMebibyte;

  // The most that the server and the workers of `ids` have taken so far, in bytes.
  struct Memory {
    size_t server = 0;
    size_t worker = 0;
  };
  static Memory MoreOf(const Memory& before, const std::vector<std::string>& ids) {
    Memory memory = {.server = std::max(before.server, ResidentSize()), .worker = before.worker};
    for (const std::string& id : ids) {
      memory.worker = std::max(memory.worker, static_cast<size_t>(WorkerMemory(id)) << 10);
    }
    return memory;
  }

  // Waits for the end of RefusedConnectsFor. Returns how many there were.
  template <typename OnLine>
  static uint64_t AwaitEnd(GuestExec& load, OnLine on_line) {
    uint64_t count = 0;
    absl::StatusOr<std::string> line = load.ReadLine();
    for (; line.ok(); line = load.ReadLine()) {
      on_line();
      absl::string_view text = *line;
      if (absl::ConsumePrefix(&text, "done ")) {
        EXPECT_TRUE(absl::SimpleAtoi(text, &count)) << *line;
      }
    }
    const absl::StatusOr<ExecResult> end = load.Wait();
    EXPECT_TRUE(end.ok()) << end.status();
    if (end.ok()) {
      EXPECT_EQ(end->code, 0) << end->err;
    }
    return count;
  }
};

TEST_F(StoppedReaderTest, SlowsNoWorkerCostsNoMemoryAndMissesNothing) {
  const std::string alone = CreateOci("");
  const absl::Duration without = Load(alone);
  const std::string id = CreateOci("");
  const Followers followers = Follow(id);
  const size_t before = ResidentSize();
  const absl::Duration with = Load(id);
  const uint64_t last = LastNumber(id);
  ASSERT_GT(last, kLoad);
  const size_t grown = std::max(ResidentSize(), before) - before;
  // Unread: 20 times 12,000 events.
  EXPECT_LT(grown, kGrowth);
  // Twenty readers that took all of it at once would cost more than it does.
  EXPECT_LT(with, 3 * without + absl::Seconds(1)) << "without readers " << without;
  RecordProperty("log_events", static_cast<int>(last));
  RecordProperty("server_grown_kib", static_cast<int>(grown >> 10));
  RecordProperty("load_ms_without", static_cast<int>(absl::ToInt64Milliseconds(without)));
  RecordProperty("load_ms_with", static_cast<int>(absl::ToInt64Milliseconds(with)));
  for (size_t i = 0; i < 2; ++i) {
    followers[i]->ReadTo(last);
    EXPECT_EQ(followers[i]->events(), last);
    EXPECT_EQ(followers[i]->lost(), 0u);
  }
}

TEST_F(StoppedReaderTest, ThoseThatStopUnderLoadAreToldOfEveryEvent) {
  const absl::Duration timeout = kCallTimeout + 10 * absl::Seconds(Seconds());
  const std::string whole = CreateOci("");
  const std::string overtaken = Create("guest { oci {} } network { audit { max_bytes: 65536 } }");
  const std::vector<std::string> ids = {whole, overtaken};
  const Followers of_whole = Follow(whole, kReaders / 2, timeout);
  const Followers of_overtaken = Follow(overtaken, kReaders / 2, timeout);
  const Memory before = MoreOf({}, ids);
  Memory most = before;
  GuestExec load(client(), whole, RefusedConnectsFor(Seconds()), timeout);
  GuestExec other_load(client(), overtaken, RefusedConnectsFor(Seconds()), timeout);
  const uint64_t refused = AwaitEnd(load, [&] { most = MoreOf(most, ids); });
  const uint64_t other_refused = AwaitEnd(other_load, [] {});
  most = MoreOf(most, ids);
  EXPECT_GT(refused, 100u * Seconds());
  EXPECT_GT(other_refused, 100u * Seconds());
  EXPECT_LT(most.server - before.server, kGrowth);
  EXPECT_LT(most.worker - before.worker, kGrowth);
  for (const std::string& id : ids) SetPolicy(id, "preset: PRESET_ALLOW_ALL");
  for (const std::unique_ptr<AuditFollower>& follower : of_whole) {
    follower->ReadToPolicy(2);
    EXPECT_EQ(follower->first(), 1u);
    EXPECT_EQ(follower->lost(), 0u);
    EXPECT_EQ(follower->events(), of_whole[0]->last());
    EXPECT_GE(follower->denied(), refused);
  }
  for (const std::unique_ptr<AuditFollower>& follower : of_overtaken) {
    follower->ReadToPolicy(2);
    EXPECT_EQ(follower->first(), 1u);
    EXPECT_GT(follower->lost(), 0u);
    EXPECT_EQ(follower->events() + follower->lost(), of_overtaken[0]->last());
    EXPECT_GE(follower->denied() + follower->lost(), other_refused);
  }
  RecordProperty("events", static_cast<int>(of_whole[0]->last()));
  RecordProperty("events_overtaken", static_cast<int>(of_overtaken[0]->last()));
  RecordProperty("events_lost", static_cast<int>(of_overtaken[0]->lost()));
  RecordProperty("server_grown_kib", static_cast<int>((most.server - before.server) >> 10));
  RecordProperty("worker_grown_kib", static_cast<int>((most.worker - before.worker) >> 10));
}

class OvertakenReaderTest : public ReadersTest {
 protected:
  // The least that there may be: a hundredth of what the load writes.
  static void SetUpTestSuite() { StartSuite({.resolv_conf = "", .flags = {"--audit_max_bytes=64KiB"}}); }
};

TEST_F(OvertakenReaderTest, IsToldExactlyWhichEventsAreGone) {
  const std::string id = CreateOci("");
  const Followers followers = Follow(id);
  Load(id);
  const uint64_t last = LastNumber(id);
  for (size_t i = 0; i < 2; ++i) {
    followers[i]->ReadTo(last);
    EXPECT_GT(followers[i]->lost(), 0u);
    EXPECT_EQ(followers[i]->events() + followers[i]->lost(), last);
  }
  // One that comes later begins with the oldest that is held.
  AuditFollower late(client(), id);
  late.ReadTo(last);
  EXPECT_GT(late.first(), last / 2);
  EXPECT_EQ(late.lost(), 0u);
  EXPECT_EQ(late.events(), last - late.first() + 1);
}

}  // namespace
}  // namespace sluice::e2e
