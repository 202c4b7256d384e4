#ifndef SLUICE_SERVER_WORKER_WORKER_ANSWER_H_
#define SLUICE_SERVER_WORKER_WORKER_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sluice/internal/v1/worker.pb.h"

// What a worker says, made fit to be kept, shown and added up. It may be its
// guest's by now: what it says of its own sandbox is its own affair, and what it
// costs the server and tells of others is not. Any thread.

namespace sluice {

// Bytes of a sentence of a worker's. Longer ones are cut.
inline constexpr size_t kMaxWorkerText = 512;
// Published ports that one is believed to hold; a sandbox has 256 at most.
inline constexpr size_t kMaxHeldPorts = 512;

// The most that an answer may be. Its parts are the messages in it and the fields that
// this server does not know: of two bytes each, parts would take 40 times their bytes
// in memory, about 90 bytes each.
struct AnswerLimit {
  size_t bytes;
  size_t parts;
};
// A hundred remotes with their names are a tenth of it.
inline constexpr AnswerLimit kShortAnswer = {.bytes = 1 << 20, .parts = 1024};
// Statistics of `rules` rules, each with its longest id and largest numbers.
AnswerLimit RuleStatsLimit(size_t rules);

// Nothing where `bytes` are no Response, or more than `limit` allows: that is seen
// before memory is taken for them.
std::optional<internal::v1::Response> ParseAnswer(absl::string_view bytes, const AnswerLimit& limit);

// Printable ASCII in one line, at most kMaxWorkerText bytes.
std::string PlainText(absl::string_view text);

// The answer's error: one that there is, in plain text; a FieldError where it names
// a field.
absl::Status StatusOf(const internal::v1::Response& response);

// Leaves out what no worker says: reasons that there are not, further remotes than
// `top_remotes`, a histogram of other buckets, fields of later versions.
void TrimStats(uint32_t top_remotes, internal::v1::StatsResult& stats);

// Likewise, of more than `rules` rules.
void TrimRuleStats(size_t rules, internal::v1::RuleStatsResult& stats);

}  // namespace sluice

#endif  // SLUICE_SERVER_WORKER_WORKER_ANSWER_H_
