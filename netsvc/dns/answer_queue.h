#ifndef SLUICE_NETSVC_DNS_ANSWER_QUEUE_H_
#define SLUICE_NETSVC_DNS_ANSWER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/reply.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// Answers whose events are recorded and not written yet. They leave together at
// the end of the loop's turn, once one write has the events of all of them; where
// it fails, each is SERVFAIL instead. The loop's thread. Destroying it drops what
// waits.
class AnswerQueue {
 public:
  // Full, it does not wait for the end of the turn.
  static constexpr size_t kMaxWaiting = 64;

  struct Waiting {
    GuestQuery query;
    Reply reply;
    std::function<void(std::span<const uint8_t> message)> answer;
    // Runs ahead of the answer, once its event is written; may be nullptr.
    std::function<void()> on_written;
  };

  struct Counters {
    uint64_t writes = 0;
    uint64_t unrecorded = 0;  // SERVFAIL because the events could not be written
  };

  // `commit` writes what was recorded; false: it could not.
  AnswerQueue(EventLoop& loop, std::function<bool()> commit) : loop_(loop), commit_(std::move(commit)) {}

  void Add(Waiting waiting);
  // Lets go of what waits, now.
  void Release();

  const Counters& counters() const { return counters_; }

 private:
  EventLoop& loop_;
  const std::function<bool()> commit_;
  std::vector<Waiting> waiting_;
  bool posted_ = false;
  Counters counters_;
  // Expires with this: what posted work looks at first.
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_ANSWER_QUEUE_H_
