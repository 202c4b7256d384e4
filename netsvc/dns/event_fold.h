#ifndef SLUICE_NETSVC_DNS_EVENT_FOLD_H_
#define SLUICE_NETSVC_DNS_EVENT_FOLD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "netsvc/loop/event_loop.h"
#include "sluice/v1/audit.pb.h"

namespace sluice::dns {

// Events of one kind at a bounded rate: the first is recorded at once; those that
// come in the interval after it are one event at the interval's end, the first of
// them with their count. Owned by the interceptor; the loop's thread. What is
// folded when it is destroyed is lost: Flush first.
class EventFold {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);

  using Record = std::function<void(const v1::DnsEvent&)>;

  EventFold(EventLoop& loop, Record record) : loop_(loop), record_(std::move(record)) {}

  // `make` makes the event, where it is needed.
  template <typename Make>
  void Add(Make make) {
    if (interval_ == nullptr) {
      record_(make());
      return Begin();
    }
    if (!folded_) folded_ = make();
    ++count_;
  }

  // Records now what is folded.
  void Flush();

 private:
  void Begin();

  EventLoop& loop_;
  const Record record_;
  std::unique_ptr<EventLoop::Handle> interval_;  // while one lasts
  std::optional<v1::DnsEvent> folded_;
  uint64_t count_ = 0;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_EVENT_FOLD_H_
