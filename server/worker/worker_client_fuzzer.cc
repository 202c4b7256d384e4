// What a worker that is its guest's says to the server: no answer of it crashes the
// server, leaves a descriptor open, or has in it what TrimStats, TrimRuleStats and
// StatusOf are to keep out; a worker of an unknown version is refused.
//
// An input is a row of answers, for one call each, the first of them for the
// greeting: a byte of Control, the size in two bytes, and a serialized Response, or
// what stands in its place.

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/worker/activity.h"
#include "server/worker/message_socket.h"
#include "server/worker/worker_answer.h"
#include "server/worker/worker_client.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice {
namespace {

using internal::v1::Request;
using internal::v1::Response;

enum Control : uint8_t {
  kDescriptors = 0x07,  // so many ride on it
  kRightId = 0x08,      // with the id of its call, where it is a Response
  kRaw = 0x10,          // no length ahead of it: the bytes have their own
};

constexpr size_t kAnswerHeaderSize = 3;
constexpr size_t kMaxAnswers = 24;  // the socket takes them all
constexpr uint32_t kTopRemotes = 3;
constexpr size_t kRules = 2;
constexpr absl::Duration kLong = absl::Hours(1);

// What the server asks, in turns.
Request Question(size_t turn) {
  Request request;
  switch (turn % 6) {
    case 0:
      request.mutable_get_stats()->set_top_remotes(kTopRemotes);
      break;
    case 1:
      request.mutable_get_rule_stats();
      break;
    case 2:
      request.mutable_evaluate();
      break;
    case 3:
      request.mutable_get_link();
      break;
    case 4:
      request.mutable_get_port();
      break;
    case 5:
      request.mutable_set_policy();
      break;
  }
  return request;
}

bool WantsDescriptor(const Request& request) { return request.has_get_link() || request.has_get_port(); }

std::string WithId(std::string bytes, uint64_t id) {
  Response response;
  if (!response.ParseFromString(bytes)) return bytes;
  response.set_id(id);
  return response.SerializeAsString();
}

// What answers bear, open all the time.
int AnyDescriptor() {
  static const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return descriptor;
}

// Sends the answers of a row, the first for the call with id 1. Returns how many.
size_t SendAnswers(int socket, std::span<const uint8_t> row) {
  size_t answers = 0;
  while (row.size() >= kAnswerHeaderSize && answers < kMaxAnswers) {
    const uint8_t control = row[0];
    const size_t size = std::min<size_t>(Load16(&row[1]), row.size() - kAnswerHeaderSize);
    std::string bytes(row.begin() + kAnswerHeaderSize, row.begin() + kAnswerHeaderSize + static_cast<ptrdiff_t>(size));
    row = row.subspan(kAnswerHeaderSize + size);
    if (control & kRightId) bytes = WithId(std::move(bytes), answers + 1);
    const std::vector<int> descriptors(control & kDescriptors, AnyDescriptor());
    const bool sent = control & kRaw ? send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0
                                     : SendMessage(socket, bytes, descriptors, absl::InfiniteFuture()).ok();
    FUZZ_REQUIRE(sent);
    ++answers;
  }
  return answers;
}

void RequirePlain(absl::string_view text) {
  FUZZ_REQUIRE(text.size() <= kMaxWorkerText && std::ranges::all_of(text, absl::ascii_isprint));
}

// What is left of them can be added to those of others.
void RequireSoundStats(internal::v1::StatsResult stats) {
  TrimStats(kTopRemotes, stats);
  FUZZ_REQUIRE(stats.top_remotes_size() <= static_cast<int>(kTopRemotes));
  RequirePlain(stats.audit_error());
  for (const auto* counts : {&stats.flows_denied(), &stats.dns_allowed(), &stats.dns_denied()}) {
    FUZZ_REQUIRE(counts->size() <= v1::Verdict::Reason_ARRAYSIZE);
    for (const auto& count : *counts) FUZZ_REQUIRE(v1::Verdict::Reason_IsValid(count.reason()));
  }
  if (!stats.has_dns_latency()) return;
  FUZZ_REQUIRE(std::ranges::equal(stats.dns_latency().bounds(), Activity::kDnsLatencyBounds));
  FUZZ_REQUIRE(stats.dns_latency().counts_size() == stats.dns_latency().bounds_size() + 1);
  FUZZ_REQUIRE(std::isfinite(stats.dns_latency().sum()));
}

void RequireProperError(const absl::Status& status) {
  FUZZ_REQUIRE(status.raw_code() >= 0 && status.raw_code() <= static_cast<int>(absl::StatusCode::kUnauthenticated));
  RequirePlain(status.message());
}

void Ask(WorkerClient& client, size_t turn) {
  const Request question = Question(turn);
  const bool connected = client.connected();
  absl::StatusOr<Response> response;
  if (WantsDescriptor(question)) {
    absl::StatusOr<WorkerAnswer> answer = client.CallForDescriptor(question, kLong);
    FUZZ_REQUIRE(!answer.ok() || answer->descriptor.valid());
    response = answer.ok() ? absl::StatusOr<Response>(std::move(answer->response)) : answer.status();
  } else {
    response = client.Call(question, {}, kLong, question.has_get_rule_stats() ? RuleStatsLimit(kRules) : kShortAnswer);
  }
  FUZZ_REQUIRE(connected || absl::IsUnavailable(response.status()));
  RequireProperError(response.status());
  if (!response.ok()) return;
  RequireSoundStats(response->stats());
  TrimRuleStats(kRules, *response->mutable_rule_stats());
  FUZZ_REQUIRE(response->rule_stats().rule_stats_size() <= static_cast<int>(kRules));
}

// The worker has said everything, and its end is shut.
void Talk(std::span<const uint8_t> row) {
  int ends[2];
  FUZZ_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  UniqueFd server(ends[0]);
  const UniqueFd worker(ends[1]);
  const size_t answers = SendAnswers(worker.get(), row);
  FUZZ_REQUIRE(shutdown(worker.get(), SHUT_WR) == 0);
  const absl::StatusOr<std::unique_ptr<WorkerClient>> client = WorkerClient::Greet(std::move(server), kLong);
  RequireProperError(client.status());
  if (!client.ok()) return;
  const uint32_t version = (*client)->hello().version();
  FUZZ_REQUIRE(version >= WorkerClient::kOldestVersion && version <= WorkerClient::kVersion);
  for (size_t turn = 0; turn < answers; ++turn) Ask(**client, turn);
}

size_t OpenDescriptors() {
  size_t count = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir("/proc/self/fd"), &closedir);
  FUZZ_REQUIRE(listing != nullptr);
  while (readdir(listing.get()) != nullptr) ++count;
  return count;
}

}  // namespace
}  // namespace sluice

namespace sluice::fuzz {
namespace {

Bytes Answer(uint8_t control, const std::string& bytes) {
  Bytes answer = {control, static_cast<uint8_t>(bytes.size() >> 8), static_cast<uint8_t>(bytes.size())};
  answer.insert(answer.end(), bytes.begin(), bytes.end());
  return answer;
}

Response Greeting(uint32_t version) {
  Response response;
  response.mutable_hello()->set_version(version);
  return response;
}

Response Stats() {
  Response response;
  internal::v1::StatsResult& stats = *response.mutable_stats();
  stats.set_flows_opened(5);
  stats.add_flows_denied()->set_reason(v1::Verdict::REASON_RULE);
  for (const double bound : Activity::kDnsLatencyBounds) stats.mutable_dns_latency()->add_bounds(bound);
  for (size_t i = 0; i <= Activity::kDnsLatencyBounds.size(); ++i) stats.mutable_dns_latency()->add_counts(1);
  stats.set_audit_error("No space left on device");
  for (uint32_t i = 0; i <= kTopRemotes; ++i) stats.add_top_remotes()->mutable_remote()->set_address("8.8.8.8");
  return response;
}

Response RuleStats() {
  Response response;
  response.mutable_rule_stats()->add_rule_stats()->set_rule_id("rule-0");
  return response;
}

Response Verdict() {
  Response response;
  response.mutable_evaluate()->mutable_verdict()->set_action(v1::ACTION_ALLOW);
  return response;
}

Response Failure() {
  Response response;
  response.set_code(3);
  response.set_message("is wrong");
  response.set_field("rules[0]");
  return response;
}

}  // namespace

std::vector<Bytes> Seeds() {
  Bytes sound;
  for (const Response& response : {Greeting(1), Stats(), RuleStats(), Verdict()}) {
    const Bytes answer = Answer(kRightId, response.SerializeAsString());
    sound.insert(sound.end(), answer.begin(), answer.end());
  }
  std::vector<Bytes> seeds = {Answer(kRightId, Greeting(0).SerializeAsString()), Answer(kRightId, Greeting(2).SerializeAsString()),
                              Answer(kRaw, std::string("\xff\xff\xff\xff")), sound};
  for (const uint8_t descriptors : {0, 1, 2, 7}) {
    Bytes held = sound;
    for (int i = 0; i < 2; ++i) {
      const Bytes answer = Answer(kRightId | descriptors, Response().SerializeAsString());
      held.insert(held.end(), answer.begin(), answer.end());
    }
    const Bytes failure = Answer(kRightId, Failure().SerializeAsString());
    held.insert(held.end(), failure.begin(), failure.end());
    seeds.push_back(held);
  }
  return seeds;
}

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::AnyDescriptor();
  const size_t open = sluice::OpenDescriptors();
  sluice::Talk({data, size});
  FUZZ_REQUIRE(sluice::OpenDescriptors() == open);
  return 0;
}
