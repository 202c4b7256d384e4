#include "netsvc/dns/event_fold.h"

namespace sluice::dns {

void EventFold::Begin() {
  interval_ = loop_.RunAfter(kInterval, [this] {
    interval_.reset();
    const bool more = folded_.has_value();
    Flush();
    if (more) Begin();
  });
}

void EventFold::Flush() {
  if (!folded_) return;
  folded_->set_count(std::exchange(count_, 0));
  record_(*std::exchange(folded_, std::nullopt));
}

}  // namespace sluice::dns
