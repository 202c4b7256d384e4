#include "netsvc/dns/interceptor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "netsvc/dns/protocol.h"
#include "netsvc/dns/reply.h"

namespace sluice::dns {
namespace {

using policy::Verdict;

constexpr uint32_t kGatewayTtl = 60;

constexpr Verdict kMalformed{v1::ACTION_DENY, v1::Verdict::REASON_MALFORMED, {}};
constexpr Verdict kUnsupported{v1::ACTION_DENY, v1::Verdict::REASON_UNSUPPORTED, {}};
constexpr Verdict kOverLimit{v1::ACTION_DENY, v1::Verdict::REASON_LIMIT, {}};
constexpr Verdict kOverBudget{v1::ACTION_DENY, v1::Verdict::REASON_DNS_BUDGET, {}};
constexpr Verdict kUnrecorded{v1::ACTION_DENY, v1::Verdict::REASON_AUDIT_UNAVAILABLE, {}};

// The upstream's message, where it answers just this.
std::optional<MessageView> AnswerTo(const DomainName& name, uint16_t type, std::span<const uint8_t> bytes) {
  const std::optional<MessageView> answer = MessageView::Of(bytes);
  if (!answer || !answer->is_response() || answer->truncated() || answer->question_count() != 1) return std::nullopt;
  MessageReader reader(*answer);
  Question question;
  if (!reader.NextQuestion(question) || question.type != type || question.name.ToDomainName() != name) {
    return std::nullopt;
  }
  return answer;
}

QueryBudget::Limits LimitsOf(const v1::DnsConfig& config) {
  return {.queries_per_second = config.max_queries_per_second(), .names_per_domain = config.max_names_per_domain()};
}

ExtendedError UpstreamError(const absl::Status& why) {
  const bool silent = absl::IsDeadlineExceeded(why);
  return {.code = silent ? kNoReachableAuthority : kNetworkError, .text = std::string(why.message())};
}

}  // namespace

Interceptor::Interceptor(EventLoop& loop, Upstream& upstream, Host& host, const BlockLists& lists,
                         const Options& options)
    : loop_(loop),
      upstream_(upstream),
      host_(host),
      options_(options),
      block_lists_(lists),
      judge_(options.config, lists),
      malformed_events_(loop, [this](const v1::DnsEvent& event) { host_.Record(event); }),
      rate_events_(loop, [this](const v1::DnsEvent& event) { host_.Record(event); }),
      names_events_(loop, [this](const v1::DnsEvent& event) { host_.Record(event); }),
      answers_(loop, [this] { return host_.Commit(); }),
      tcp_(loop, [this](const Asked& asked, std::span<const uint8_t> message, Answer answer) {
        return Handle(asked, message, std::move(answer));
      }) {
  budget_.SetLimits(LimitsOf(options.config));
}

Interceptor::~Interceptor() = default;

void Interceptor::OnDatagram(const Asked& asked, std::span<const uint8_t> message, Answer answer) {
  Handle(asked, message, std::move(answer));
}

void Interceptor::OnConnection(const Asked& asked, UniqueFd stream) { tcp_.Add(asked, std::move(stream)); }

void Interceptor::OnPolicyChanged() {
  // What the old policy answered leaves before anyone is told that it is over.
  answers_.Release();
  ++generation_;
}

void Interceptor::SetConfig(const v1::DnsConfig& config) {
  judge_ = NameJudge(config, block_lists_);
  budget_.SetLimits(LimitsOf(config));
  OnPolicyChanged();
}

void Interceptor::OnNameserversChanged() {
  cache_.Clear();
  ++nameservers_;
}

void Interceptor::FlushEvents() {
  for (EventFold* events : {&malformed_events_, &rate_events_, &names_events_}) events->Flush();
}

bool Interceptor::Handle(const Asked& asked, std::span<const uint8_t> message, Answer answer) {
  const std::optional<MessageView> view = MessageView::Of(message);
  if (!view) {
    ++counters_.malformed;
    malformed_events_.Add([&] { return ToEvent(asked, GuestQuery{}, {.verdict = kMalformed}, absl::ZeroDuration()); });
    return false;
  }
  ++counters_.queries;
  Process({.asked = asked,
           .query = ParseGuestQuery(*view),
           .answer = std::move(answer),
           .arrived = Now(),
           .generation = generation_});
  return true;
}

void Interceptor::Process(Exchange exchange) {
  const uint16_t problem = exchange.query.problem;
  if (problem == kFormErr || problem == kNotImp) return Malformed(exchange);
  if (!budget_.TakeQuery(exchange.arrived)) return OverBudget(exchange, rate_events_);
  if (problem != kNoError) return Refuse(exchange);
  exchange.verdict = judge_.OfQuery(rules(), exchange.asked, exchange.query.name);
  if (!exchange.verdict.allowed()) return Deny(exchange, exchange.verdict);
  if (!AnswerHere(exchange) && !AnswerFromCache(exchange)) AskUpstream(std::move(exchange));
}

bool Interceptor::AnswerHere(const Exchange& exchange) {
  const GuestQuery& query = exchange.query;
  const uint16_t type = query.question->type;
  Outcome outcome{.verdict = exchange.verdict, .rcode = kNoError, .ttl = absl::Seconds(kGatewayTtl)};
  if (query.name == NameJudge::GatewayName()) {
    const IpAddress& address = type == kTypeAaaa ? options_.gateway_ipv6 : options_.gateway_ipv4;
    const bool known = (type == kTypeA && address.is_v4()) || (type == kTypeAaaa && address.is_v6());
    if (known) outcome.addresses = {&address, 1};
    Finish(exchange, outcome, AddressReply(query, outcome.addresses, kGatewayTtl));
    return true;
  }
  if (type == kTypeAny) {
    Finish(exchange, outcome, AnyReply(query));
    return true;
  }
  const bool is_address = type == kTypeA || type == kTypeAaaa;
  if (!is_address || host_.HasRoute(/*ipv6=*/type == kTypeAaaa)) return false;
  Finish(exchange, outcome, EmptyReply(query, kNoError));
  return true;
}

bool Interceptor::AnswerFromCache(Exchange& exchange) {
  const DomainName& name = exchange.query.name;
  const std::optional<Cache::Hit> hit = cache_.Find(name, exchange.query.question->type, exchange.arrived);
  if (!hit) return false;
  exchange.from_cache = true;
  Settle(exchange, *hit, judge_.OfAnswer(rules(), name, hit->message));
  return true;
}

void Interceptor::AskUpstream(Exchange exchange) {
  if (!host_.CanRecord()) return Fail(exchange, kUnrecorded, ErrorOf(kUnrecorded));
  if (!budget_.TakeName(exchange.query.name, exchange.arrived)) return OverBudget(exchange, names_events_);
  if (in_flight_ >= kMaxInFlight) {
    ++counters_.over_limit;
    return Fail(exchange, kOverLimit, ErrorOf(kOverLimit));
  }
  ++in_flight_;
  const Key key(exchange.query.name, exchange.query.question->type, nameservers_);
  Flight& flight = flights_[key];
  flight.waiting.push_back(std::move(exchange));
  if (flight.waiting.size() > 1) {
    ++counters_.merged;
    return;
  }
  flight.query = upstream_.Ask(
      std::get<DomainName>(key), std::get<uint16_t>(key),
      [this, key](absl::StatusOr<std::span<const uint8_t>> answer) { OnUpstream(key, std::move(answer)); });
}

void Interceptor::OnUpstream(Key key, absl::StatusOr<std::span<const uint8_t>> bytes) {
  const auto found = flights_.find(key);
  Flight flight = std::move(found->second);
  flights_.erase(found);
  in_flight_ -= static_cast<int>(flight.waiting.size());
  const auto& [name, type, nameservers] = key;
  const auto answer = bytes.ok() ? AnswerTo(name, type, *bytes) : std::nullopt;
  AnswerJudgement judgement{.malformed = true};
  if (answer) judgement = judge_.OfAnswer(rules(), name, *answer);
  if (judgement.malformed) {
    ++counters_.upstream_failed;
  } else if (nameservers == nameservers_) {
    cache_.Store(name, type, *answer, Now());
  }
  for (Exchange& exchange : flight.waiting) {
    if (!StillAllowed(exchange)) {
      Deny(exchange, exchange.verdict);
    } else if (!bytes.ok()) {
      Fail(exchange, exchange.verdict, UpstreamError(bytes.status()));
    } else if (!answer) {
      Fail(exchange, kMalformed, ErrorOf(kMalformed));
    } else {
      Settle(exchange, {.message = *answer}, judgement);
    }
  }
}

bool Interceptor::StillAllowed(Exchange& exchange) {
  if (exchange.generation != generation_) {
    exchange.verdict = judge_.OfQuery(rules(), exchange.asked, exchange.query.name);
    exchange.generation = generation_;
  }
  return exchange.verdict.allowed();
}

void Interceptor::Settle(const Exchange& exchange, const Cache::Hit& answer, const AnswerJudgement& judgement) {
  if (judgement.malformed) return Fail(exchange, kMalformed, ErrorOf(kMalformed));
  if (!judgement.verdict.allowed()) return Deny(exchange, judgement.verdict, judgement.addresses);
  Relay(exchange, answer, judgement);
}

void Interceptor::Relay(const Exchange& exchange, const Cache::Hit& answer, const AnswerJudgement& judgement) {
  RelayOptions relay{.limit = ReplyLimit(exchange), .age = answer.age};
  relay.remove_ech = judge_.NamesEnforced(host_.policy());
  if (answer.max_ttl) relay.max_ttl = *answer.max_ttl;
  std::optional<Reply> reply = RelayReply(exchange.query, answer.message, relay);
  const bool truncated = reply && IsTruncated(*reply);
  if (!reply || (truncated && exchange.asked.transport == v1::PROTOCOL_TCP)) {
    ++counters_.upstream_failed;
    return Fail(exchange, kMalformed, ErrorOf(kMalformed));
  }
  Outcome outcome{.verdict = exchange.verdict, .rcode = answer.message.rcode()};
  outcome.ttl = std::max(absl::ZeroDuration(), judgement.ttl - absl::Seconds(answer.age));
  if (!truncated) outcome.addresses = judgement.addresses;
  Finish(exchange, outcome, *std::move(reply));
}

void Interceptor::Finish(const Exchange& exchange, const Outcome& outcome, Reply reply) {
  v1::DnsEvent event = ToEvent(exchange.asked, exchange.query, outcome, Now() - exchange.arrived);
  event.set_from_cache(exchange.from_cache);
  host_.Record(std::move(event));
  AnswerQueue::Waiting waiting{exchange.query, std::move(reply), exchange.answer, nullptr};
  if (outcome.verdict.allowed() && !outcome.addresses.empty()) {
    waiting.on_written = [this, name = exchange.query.name, ttl = outcome.ttl,
                          addresses = std::vector<IpAddress>(outcome.addresses.begin(), outcome.addresses.end())] {
      host_.OnResolved(name, addresses, ttl);
    };
  }
  answers_.Add(std::move(waiting));
}

void Interceptor::Deny(const Exchange& exchange, const Verdict& verdict, std::span<const IpAddress> addresses) {
  ++counters_.denied;
  Finish(exchange, {.verdict = verdict, .rcode = kNxDomain, .addresses = addresses},
         EmptyReply(exchange.query, kNxDomain, ErrorOf(verdict)));
}

void Interceptor::Fail(const Exchange& exchange, const Verdict& verdict, const ExtendedError& why) {
  Finish(exchange, {.verdict = verdict, .rcode = kServFail}, EmptyReply(exchange.query, kServFail, why));
}

void Interceptor::Refuse(const Exchange& exchange) {
  const uint16_t rcode = exchange.query.problem;
  Finish(exchange, {.verdict = kUnsupported, .rcode = rcode}, EmptyReply(exchange.query, rcode, ErrorOf(kUnsupported)));
}

void Interceptor::Malformed(const Exchange& exchange) {
  ++counters_.malformed;
  const uint16_t rcode = exchange.query.problem;
  malformed_events_.Add([&] {
    const Outcome outcome{.verdict = kMalformed, .rcode = rcode};
    return ToEvent(exchange.asked, exchange.query, outcome, absl::ZeroDuration());
  });
  exchange.answer(EmptyReply(exchange.query, rcode, ErrorOf(kMalformed)));
}

void Interceptor::OverBudget(const Exchange& exchange, EventFold& events) {
  ++counters_.over_budget;
  events.Add([&] {
    const Outcome outcome{.verdict = kOverBudget, .rcode = kRefused};
    return ToEvent(exchange.asked, exchange.query, outcome, absl::ZeroDuration());
  });
  exchange.answer(EmptyReply(exchange.query, kRefused, ErrorOf(kOverBudget)));
}

size_t Interceptor::ReplyLimit(const Exchange& exchange) const {
  if (exchange.asked.transport == v1::PROTOCOL_TCP) return kMaxMessageSize;
  const size_t wanted = exchange.query.edns_size.value_or(kMinUdpSize);
  return std::max(kMinUdpSize, std::min(wanted, options_.max_udp_answer));
}

}  // namespace sluice::dns
