#include "netsvc/dns/answer_queue.h"

#include <utility>

#include "netsvc/dns/event.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

constexpr policy::Verdict kUnrecorded{v1::ACTION_DENY, v1::Verdict::REASON_AUDIT_UNAVAILABLE, {}};

}  // namespace

void AnswerQueue::Add(Waiting waiting) {
  waiting_.push_back(std::move(waiting));
  if (waiting_.size() >= kMaxWaiting) return Release();
  if (std::exchange(posted_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<const bool>(alive_)] {
    if (alive.expired()) return;
    posted_ = false;
    Release();
  });
}

void AnswerQueue::Release() {
  std::vector<Waiting> leaving = std::exchange(waiting_, {});
  if (leaving.empty()) return;
  ++counters_.writes;
  const bool written = commit_();
  for (Waiting& each : leaving) {
    if (!written) {
      ++counters_.unrecorded;
      each.answer(EmptyReply(each.query, kServFail, ErrorOf(kUnrecorded)));
      continue;
    }
    if (each.on_written != nullptr) each.on_written();
    each.answer(each.reply);
  }
}

}  // namespace sluice::dns
