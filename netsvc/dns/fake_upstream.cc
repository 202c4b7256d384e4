#include "netsvc/dns/fake_upstream.h"

#include "absl/strings/str_cat.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {

class FakeUpstream::Waiting : public Query {
 public:
  Waiting(FakeUpstream& upstream, int order) : upstream_(upstream), order_(order) {}
  ~Waiting() override { upstream_.waiting_.erase(order_); }

 private:
  FakeUpstream& upstream_;
  const int order_;
};

std::unique_ptr<Upstream::Query> FakeUpstream::Ask(const DomainName& name, uint16_t type, Callback callback) {
  asked_.push_back(absl::StrCat(name.ToString(), " ", TypeName(type)));
  waiting_[next_] = std::move(callback);
  return std::make_unique<Waiting>(*this, next_++);
}

void FakeUpstream::Answer(absl::StatusOr<std::vector<uint8_t>> answer) {
  if (waiting_.empty()) return;
  const Callback callback = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  if (answer.ok()) {
    callback(std::span<const uint8_t>(*answer));
  } else {
    callback(answer.status());
  }
}

}  // namespace sluice::dns
