#include "netsvc/dns/cache.h"

#include <algorithm>
#include <utility>

#include "netsvc/dns/protocol.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

// RFC 2181 section 8: a TTL with its highest bit set is 0.
absl::Duration TtlOf(uint32_t seconds) { return absl::Seconds(seconds >> 31 != 0 ? 0 : seconds); }

// What the records of an answer say of its life.
struct Survey {
  bool positive = false;                          // has what was asked for
  absl::Duration least = absl::InfiniteDuration();  // TTL of any record
  std::optional<absl::Duration> soa = {};           // what it lets negative answers live
};

void Add(const MessageView& answer, const Record& record, uint16_t type, Survey& survey) {
  if (record.type == kTypeOpt || record.type == kTypeTsig) return;
  survey.least = std::min(survey.least, TtlOf(record.ttl));
  if (record.section == Section::kAnswer && record.type == type) survey.positive = true;
  if (record.section != Section::kAuthority || record.type != kTypeSoa) return;
  const std::optional<uint32_t> minimum = MinimumOf(answer, record);
  if (minimum) survey.soa = std::min(TtlOf(record.ttl), TtlOf(*minimum));
}

// Nothing where the answer cannot be read to its end.
std::optional<Survey> SurveyOf(const MessageView& answer) {
  Survey survey;
  MessageReader reader(answer);
  Question question;
  if (!reader.NextQuestion(question)) return std::nullopt;
  for (Record record; reader.NextRecord(record);) Add(answer, record, question.type, survey);
  if (!reader.at_end()) return std::nullopt;
  return survey;
}

struct Life {
  absl::Duration ttl;
  bool negative = false;
};

std::optional<Life> LifeOf(const MessageView& answer) {
  const uint8_t rcode = answer.rcode();
  if (answer.truncated() || (rcode != kNoError && rcode != kNxDomain)) return std::nullopt;
  const std::optional<Survey> survey = SurveyOf(answer);
  if (!survey) return std::nullopt;
  Life life{.ttl = std::min(survey->least, Cache::kMaxTtl)};
  if (rcode == kNxDomain || !survey->positive) {
    if (!survey->soa) return std::nullopt;
    life = {.ttl = std::min({life.ttl, *survey->soa, Cache::kMaxNegativeTtl}), .negative = true};
  }
  if (life.ttl == absl::ZeroDuration()) return std::nullopt;
  return life;
}

uint32_t WholeSeconds(absl::Duration duration) { return static_cast<uint32_t>(absl::ToInt64Seconds(duration)); }

}  // namespace

std::optional<absl::Duration> Cache::LifetimeOf(const MessageView& answer) {
  const std::optional<Life> life = LifeOf(answer);
  if (!life) return std::nullopt;
  return life->ttl;
}

std::optional<Cache::Hit> Cache::Find(const DomainName& name, uint16_t type, absl::Duration now) {
  const auto found = by_question_.find(Key{name.wire(), type});
  if (found != by_question_.end() && found->second->expires <= now) {
    Remove(found->second);
  } else if (found != by_question_.end()) {
    ++counters_.hits;
    entries_.splice(entries_.begin(), entries_, found->second);
    const Entry& entry = entries_.front();
    Hit hit{.message = *MessageView::Of(entry.message), .age = WholeSeconds(now - entry.stored)};
    if (entry.negative) hit.max_ttl = WholeSeconds(entry.expires - entry.stored) - hit.age;
    return hit;
  }
  ++counters_.misses;
  return std::nullopt;
}

void Cache::Store(const DomainName& name, uint16_t type, const MessageView& answer, absl::Duration now) {
  if (const auto known = by_question_.find(Key{name.wire(), type}); known != by_question_.end()) Remove(known->second);
  const std::optional<Life> life = answer.bytes().size() <= kMaxMessage ? LifeOf(answer) : std::nullopt;
  if (!life) return;
  entries_.push_front({.name = name,
                       .type = type,
                       .message = {answer.bytes().begin(), answer.bytes().end()},
                       .negative = life->negative,
                       .stored = now,
                       .expires = now + life->ttl});
  by_question_[Key{entries_.front().name.wire(), type}] = entries_.begin();
  bytes_ += SizeOf(entries_.front());
  for (; entries_.size() > kMaxEntries || bytes_ > kMaxBytes; ++counters_.evicted) Remove(std::prev(entries_.end()));
}

void Cache::Clear() {
  by_question_.clear();
  entries_.clear();
  bytes_ = 0;
}

size_t Cache::SizeOf(const Entry& entry) { return entry.message.size() + entry.name.wire().size() + kEntryOverhead; }

void Cache::Remove(Entries::iterator entry) {
  bytes_ -= SizeOf(*entry);
  by_question_.erase(Key{entry->name.wire(), entry->type});
  entries_.erase(entry);
}

}  // namespace sluice::dns
