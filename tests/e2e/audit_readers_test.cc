// Readers of the audit log that stop reading: they slow no worker and cost the
// server nothing, and are told exactly what retention took from them.

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"

namespace sluice::e2e {
namespace {

constexpr int kReaders = 20;
// Connections that are denied, each an event of some 200 bytes.
constexpr int kLoad = 12'000;
constexpr size_t kMebibyte = 1 << 20;

// Knocks at each of `count` ports that no policy allows. Each is answered, so
// none is lost on the way to the worker.
constexpr char kDeniedConnects[] = R"(
import socket, sys
for port in range(1, int(sys.argv[1]) + 1):
  if port == 53: continue  # the interceptor's
  s = socket.socket()
  s.settimeout(5)
  assert s.connect_ex(('10.1.2.3', port)) == 111, port  # ECONNREFUSED
  s.close()
)";

// One StreamAuditEvents call that follows a sandbox from its first event.
class Follower {
 public:
  Follower(SandboxClient& client, const std::string& id) {
    SetTimeout(2 * kCallTimeout, context_);
    v1::StreamAuditEventsRequest request;
    request.add_sandbox_ids(id);
    request.set_follow(true);
    stream_ = client.audit().StreamAuditEvents(&context_, request);
  }
  ~Follower() {
    context_.TryCancel();
    v1::StreamAuditEventsResponse response;
    while (stream_->Read(&response)) continue;
    stream_->Finish();
  }

  // Reads on until it has been told of number `last`. From the first on, every
  // number comes once, in order, as an event or as lost.
  void ReadTo(uint64_t last) {
    v1::StreamAuditEventsResponse response;
    while (next_ <= last) {
      ASSERT_TRUE(stream_->Read(&response)) << "at " << next_ << " of " << last;
      if (first_ == 0 && response.has_event()) first_ = next_ = response.event().sequence();
      if (response.has_event()) {
        ASSERT_EQ(response.event().sequence(), next_);
        ++next_;
        ++events_;
      } else if (response.has_lost()) {
        ASSERT_EQ(response.lost().first_sequence(), next_);
        ASSERT_GE(response.lost().last_sequence(), next_);
        lost_ += response.lost().last_sequence() - next_ + 1;
        next_ = response.lost().last_sequence() + 1;
      }
    }
  }

  // The oldest that was held when it came.
  uint64_t first() const { return first_; }
  uint64_t events() const { return events_; }
  uint64_t lost() const { return lost_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamAuditEventsResponse>> stream_;
  uint64_t first_ = 0;
  uint64_t next_ = 0;
  uint64_t events_ = 0;
  uint64_t lost_ = 0;
};

class ReadersTest : public E2eTest {
 protected:
  static std::vector<std::unique_ptr<Follower>> Follow(const std::string& id) {
    std::vector<std::unique_ptr<Follower>> followers;
    for (int i = 0; i < kReaders; ++i) {
      followers.push_back(std::make_unique<Follower>(client(), id));
      followers.back()->ReadTo(1);  // it is under way, and stops here
    }
    return followers;
  }

  static absl::Duration Load(const std::string& id) {
    const absl::Time start = absl::Now();
    const ExecResult result = Run(id, Python(kDeniedConnects, {absl::StrCat(kLoad)}));
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

class StoppedReaderTest : public ReadersTest {};

TEST_F(StoppedReaderTest, SlowsNoWorkerCostsNoMemoryAndMissesNothing) {
  const std::string alone = CreateOci("");
  const absl::Duration without = Load(alone);
  const std::string id = CreateOci("");
  const std::vector<std::unique_ptr<Follower>> followers = Follow(id);
  const size_t before = ResidentSize();
  const absl::Duration with = Load(id);
  const uint64_t last = LastNumber(id);
  ASSERT_GT(last, kLoad);
  const size_t grown = std::max(ResidentSize(), before) - before;
  // Unread: 20 times 12,000 events.
  EXPECT_LT(grown, 16 * kMebibyte);
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

class OvertakenReaderTest : public ReadersTest {
 protected:
  // The least that there may be: a hundredth of what the load writes.
  static void SetUpTestSuite() { StartSuite({.resolv_conf = "", .flags = {"--audit_max_bytes=64KiB"}}); }
};

TEST_F(OvertakenReaderTest, IsToldExactlyWhichEventsAreGone) {
  const std::string id = CreateOci("");
  const std::vector<std::unique_ptr<Follower>> followers = Follow(id);
  Load(id);
  const uint64_t last = LastNumber(id);
  for (size_t i = 0; i < 2; ++i) {
    followers[i]->ReadTo(last);
    EXPECT_GT(followers[i]->lost(), 0u);
    EXPECT_EQ(followers[i]->events() + followers[i]->lost(), last);
  }
  // One that comes later begins with the oldest that is held.
  Follower late(client(), id);
  late.ReadTo(last);
  EXPECT_GT(late.first(), last / 2);
  EXPECT_EQ(late.lost(), 0u);
  EXPECT_EQ(late.events(), last - late.first() + 1);
}

}  // namespace
}  // namespace sluice::e2e
