#include "netsvc/dns/c_ares_upstream.h"

#include <ares.h>
#include <sys/random.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "netsvc/dns/message_view.h"
#include "netsvc/dns/message_writer.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {
namespace {

// Does not fail for two bytes, once the kernel is up (getrandom(2)).
uint16_t RandomId() {
  uint16_t id = 0;
  [[maybe_unused]] const ssize_t size = getrandom(&id, sizeof(id), 0);
  return id;
}

std::vector<uint8_t> WriteQuery(const DomainName& name, uint16_t type, bool edns) {
  std::vector<uint8_t> query;
  MessageWriter writer(query, kMaxMessageSize, RandomId(), kFlagRecursionDesired);
  writer.AddQuestion(WireName(name), type, kClassIn);
  if (edns) writer.AddOpt(kNoError, std::nullopt);
  return query;
}

}  // namespace

struct CAresUpstream::Pending {
  DomainName name;
  uint16_t type;
  Callback callback;  // none: cancelled
  bool edns = true;
  absl::StatusOr<std::vector<uint8_t>> answer = absl::UnknownError("");
};

class CAresUpstream::Handle : public Query {
 public:
  explicit Handle(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
  ~Handle() override { pending_->callback = nullptr; }

 private:
  const std::shared_ptr<Pending> pending_;
};

CAresUpstream::CAresUpstream(EventLoop& loop, const Options& options) : loop_(loop), options_(options) {
  ares_library_init(ARES_LIB_INIT_ALL);
}

CAresUpstream::~CAresUpstream() {
  channels_.clear();
  retired_.clear();
  ares_library_cleanup();
}

void CAresUpstream::SetServers(const std::vector<Endpoint>& servers) {
  if (servers == servers_) return;
  servers_ = servers;
  RetireAll();
}

void CAresUpstream::SetQueryTimeout(absl::Duration timeout) {
  if (timeout == options_.query_timeout) return;
  options_.query_timeout = timeout;
  RetireAll();
}

std::unique_ptr<Upstream::Query> CAresUpstream::Ask(const DomainName& name, uint16_t type, Callback callback) {
  auto pending = std::make_shared<Pending>(Pending{.name = name, .type = type, .callback = std::move(callback)});
  ++counters_.asked;
  ++in_flight_;
  Send(pending);
  return std::make_unique<Handle>(pending);
}

void CAresUpstream::Send(const std::shared_ptr<Pending>& pending) {
  if (servers_.empty()) return Finish(pending, absl::UnavailableError("there is no resolver to ask"));
  if (in_flight_ > kMaxQueries) {
    ++counters_.over_limit;
    return Finish(pending, absl::UnavailableError("too many queries are under way"));
  }
  const absl::StatusOr<CAresChannel*> channel = PickChannel();
  if (!channel.ok()) return Finish(pending, channel.status());
  (*channel)->Send(WriteQuery(pending->name, pending->type, pending->edns),
                   [this, pending, channel = *channel](absl::StatusOr<std::span<const uint8_t>> answer) {
                     OnAnswer(pending, channel, std::move(answer));
                   });
}

void CAresUpstream::OnAnswer(const std::shared_ptr<Pending>& pending, const CAresChannel* channel,
                             absl::StatusOr<std::span<const uint8_t>> answer) {
  if (!answer.ok()) return Finish(pending, answer.status());
  const std::optional<MessageView> view = MessageView::Of(*answer);
  if (!view || !view->is_response()) return Finish(pending, absl::UnavailableError("a resolver sent no answer"));
  if (view->rcode() == kFormErr && pending->edns) {
    // c-ares asks again without EDNS, but one query of a channel alone.
    pending->edns = false;
    Retire(channel);
    return Send(pending);
  }
  Finish(pending, std::vector<uint8_t>(answer->begin(), answer->end()));
}

void CAresUpstream::Retire(const CAresChannel* channel) {
  const auto found =
      std::find_if(channels_.begin(), channels_.end(), [&](const auto& each) { return each.get() == channel; });
  if (found == channels_.end()) return;
  retired_.push_back(std::move(*found));
  channels_.erase(found);
}

void CAresUpstream::RetireAll() {
  std::move(channels_.begin(), channels_.end(), std::back_inserter(retired_));
  channels_.clear();
  SweepLater();
}

absl::StatusOr<CAresChannel*> CAresUpstream::PickChannel() {
  SweepLater();
  for (const auto& channel : channels_) {
    if (IsFresh(*channel)) return channel.get();
    if (channel->in_flight() > 0) continue;
    if (absl::Status renewed = channel->Renew(); !renewed.ok()) return renewed;
    return channel.get();
  }
  if (channels_.size() < kMaxChannels) {
    auto channel =
        CAresChannel::Create(loop_, {.servers = servers_, .timeout = options_.query_timeout, .rounds = kRounds});
    if (!channel.ok()) return channel.status();
    channels_.push_back(*std::move(channel));
    return channels_.back().get();
  }
  const auto by_load = [](const auto& a, const auto& b) { return a->sent() < b->sent(); };
  return std::min_element(channels_.begin(), channels_.end(), by_load)->get();
}

bool CAresUpstream::IsFresh(const CAresChannel& channel) const {
  if (channel.sent() == 0) return true;
  return channel.sent() < kQueriesPerPort && loop_.clock().Monotonic() - channel.first_sent() < kPortLife;
}

// Callbacks run from the loop alone, never below a call of c-ares or of Ask.
void CAresUpstream::Finish(const std::shared_ptr<Pending>& pending, absl::StatusOr<std::vector<uint8_t>> answer) {
  --in_flight_;
  if (!answer.ok()) ++counters_.failed;
  pending->answer = std::move(answer);
  finished_.push_back(pending);
  if (finished_.size() > 1) return;
  loop_.Post([this, alive = std::weak_ptr<const bool>(alive_)] {
    if (!alive.expired()) Deliver();
  });
}

void CAresUpstream::Deliver() {
  const std::vector<std::shared_ptr<Pending>> finished = std::exchange(finished_, {});
  // A callback may destroy its handle, and this: nothing of either is used from
  // here on.
  for (const std::shared_ptr<Pending>& pending : finished) {
    const Callback callback = std::exchange(pending->callback, nullptr);
    if (callback == nullptr) continue;
    if (pending->answer.ok()) {
      callback(std::span<const uint8_t>(*pending->answer));
    } else {
      callback(pending->answer.status());
    }
  }
}

void CAresUpstream::SweepLater() {
  if (sweep_timer_ != nullptr) return;
  sweep_timer_ = loop_.RunAfter(kPortLife, [this] {
    sweep_timer_.reset();
    Sweep();
  });
}

void CAresUpstream::Sweep() {
  const auto idle = [](const auto& channel) { return channel->in_flight() == 0; };
  std::erase_if(retired_, idle);
  // The first are asked first, so the last are the idle ones.
  while (channels_.size() > kIdleChannels && idle(channels_.back())) channels_.pop_back();
  bool open = !retired_.empty() || channels_.size() > kIdleChannels;
  for (const auto& channel : channels_) {
    if (idle(channel) && !IsFresh(*channel)) channel->Renew().IgnoreError();  // said when it is asked
    open |= channel->sent() > 0;
  }
  if (open) SweepLater();
}

}  // namespace sluice::dns
