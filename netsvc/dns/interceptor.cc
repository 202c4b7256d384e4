#include "netsvc/dns/interceptor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "netsvc/dns/protocol.h"
#include "netsvc/dns/reply.h"

namespace sluice::dns {
namespace {

using policy::Verdict;

// The name that stands for the gateway, whatever address it has.
constexpr absl::string_view kGatewayName = "host.sluice.internal";
constexpr uint32_t kGatewayTtl = 60;

constexpr Verdict kMalformed{v1::ACTION_DENY, v1::Verdict::REASON_MALFORMED, {}};
constexpr Verdict kUnsupported{v1::ACTION_DENY, v1::Verdict::REASON_UNSUPPORTED, {}};
constexpr Verdict kOverLimit{v1::ACTION_DENY, v1::Verdict::REASON_LIMIT, {}};
constexpr Verdict kUnrecorded{v1::ACTION_DENY, v1::Verdict::REASON_AUDIT_UNAVAILABLE, {}};

const DomainName& GatewayName() {
  static const DomainName* const name = new DomainName(DomainName::FromText(kGatewayName).value());
  return *name;
}

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

ExtendedError UpstreamError(const absl::Status& why) {
  const bool silent = absl::IsDeadlineExceeded(why);
  return {.code = silent ? kNoReachableAuthority : kNetworkError, .text = std::string(why.message())};
}

}  // namespace

Interceptor::Interceptor(EventLoop& loop, Upstream& upstream, Host& host, const Options& options)
    : loop_(loop),
      upstream_(upstream),
      host_(host),
      options_(options),
      judge_(options.config),
      tcp_(loop, [this](const Asked& asked, std::span<const uint8_t> message, Answer answer) {
        return Handle(asked, message, std::move(answer));
      }) {}

Interceptor::~Interceptor() = default;

void Interceptor::OnDatagram(const Asked& asked, std::span<const uint8_t> message, Answer answer) {
  Handle(asked, message, std::move(answer));
}

void Interceptor::OnConnection(const Asked& asked, UniqueFd stream) { tcp_.Add(asked, std::move(stream)); }

void Interceptor::OnPolicyChanged() { ++generation_; }

bool Interceptor::Handle(const Asked& asked, std::span<const uint8_t> message, Answer answer) {
  const std::optional<MessageView> view = MessageView::Of(message);
  if (!view) {
    ++counters_.malformed;
    if (MayReportMalformed()) host_.Record(ToEvent(asked, GuestQuery{}, {.verdict = kMalformed}, absl::ZeroDuration()));
    return false;
  }
  ++counters_.queries;
  Process({.asked = asked,
           .query = ParseGuestQuery(*view),
           .answer = std::move(answer),
           .arrived = loop_.clock().Monotonic(),
           .generation = generation_});
  return true;
}

void Interceptor::Process(Exchange exchange) {
  const uint16_t problem = exchange.query.problem;
  if (problem == kFormErr || problem == kNotImp) return Malformed(exchange);
  if (problem != kNoError) return Refuse(exchange);
  exchange.verdict = judge_.OfQuery(rules(), exchange.asked, exchange.query.name);
  if (!exchange.verdict.allowed()) return Deny(exchange, exchange.verdict);
  if (!AnswerHere(exchange)) AskUpstream(std::move(exchange));
}

bool Interceptor::AnswerHere(const Exchange& exchange) {
  const GuestQuery& query = exchange.query;
  const uint16_t type = query.question->type;
  Outcome outcome{.verdict = exchange.verdict, .rcode = kNoError, .ttl = absl::Seconds(kGatewayTtl)};
  if (query.name == GatewayName()) {
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

void Interceptor::AskUpstream(Exchange exchange) {
  if (in_flight_ >= kMaxInFlight) {
    ++counters_.over_limit;
    return Fail(exchange, kOverLimit, ErrorOf(kOverLimit));
  }
  ++in_flight_;
  const Key key(exchange.query.name, exchange.query.question->type);
  Flight& flight = flights_[key];
  flight.waiting.push_back(std::move(exchange));
  if (flight.waiting.size() > 1) {
    ++counters_.merged;
    return;
  }
  flight.query = upstream_.Ask(key.first, key.second, [this, key](absl::StatusOr<std::span<const uint8_t>> answer) {
    OnUpstream(key, std::move(answer));
  });
}

void Interceptor::OnUpstream(Key key, absl::StatusOr<std::span<const uint8_t>> bytes) {
  const auto found = flights_.find(key);
  Flight flight = std::move(found->second);
  flights_.erase(found);
  in_flight_ -= static_cast<int>(flight.waiting.size());
  std::optional<MessageView> answer;
  AnswerJudgement judgement{.malformed = true};
  if (bytes.ok()) answer = AnswerTo(key.first, key.second, *bytes);
  if (answer) judgement = judge_.OfAnswer(rules(), key.first, *answer);
  if (judgement.malformed) ++counters_.upstream_failed;
  for (Exchange& exchange : flight.waiting) {
    if (!StillAllowed(exchange)) {
      Deny(exchange, exchange.verdict);
    } else if (!bytes.ok()) {
      Fail(exchange, exchange.verdict, UpstreamError(bytes.status()));
    } else if (judgement.malformed) {
      Fail(exchange, kMalformed, ErrorOf(kMalformed));
    } else if (!judgement.verdict.allowed()) {
      Deny(exchange, judgement.verdict, judgement.addresses);
    } else {
      Relay(exchange, *answer, judgement);
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

void Interceptor::Relay(const Exchange& exchange, const MessageView& answer, const AnswerJudgement& judgement) {
  const RelayOptions relay = {.limit = ReplyLimit(exchange), .remove_ech = judge_.NamesEnforced(host_.policy())};
  const std::optional<Reply> reply = RelayReply(exchange.query, answer, relay);
  const bool truncated = reply && IsTruncated(*reply);
  if (!reply || (truncated && exchange.asked.transport == v1::PROTOCOL_TCP)) {
    ++counters_.upstream_failed;
    return Fail(exchange, kMalformed, ErrorOf(kMalformed));
  }
  Outcome outcome{.verdict = exchange.verdict, .rcode = answer.rcode(), .ttl = judgement.ttl};
  if (!truncated) outcome.addresses = judgement.addresses;
  Finish(exchange, outcome, *reply);
}

void Interceptor::Finish(const Exchange& exchange, const Outcome& outcome, std::span<const uint8_t> reply) {
  const absl::Duration latency = loop_.clock().Monotonic() - exchange.arrived;
  if (!host_.Record(ToEvent(exchange.asked, exchange.query, outcome, latency))) {
    ++counters_.unrecorded;
    return exchange.answer(EmptyReply(exchange.query, kServFail, ErrorOf(kUnrecorded)));
  }
  if (outcome.verdict.allowed() && !outcome.addresses.empty()) {
    host_.OnResolved(exchange.query.name, outcome.addresses, outcome.ttl);
  }
  exchange.answer(reply);
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
  const Reply reply = EmptyReply(exchange.query, rcode, ErrorOf(kMalformed));
  if (MayReportMalformed()) return Finish(exchange, {.verdict = kMalformed, .rcode = rcode}, reply);
  exchange.answer(reply);
}

bool Interceptor::MayReportMalformed() {
  const absl::Duration now = loop_.clock().Monotonic();
  if (now < malformed_silent_until_) return false;
  malformed_silent_until_ = now + kMalformedInterval;
  return true;
}

size_t Interceptor::ReplyLimit(const Exchange& exchange) const {
  if (exchange.asked.transport == v1::PROTOCOL_TCP) return kMaxMessageSize;
  const size_t wanted = exchange.query.edns_size.value_or(kMinUdpSize);
  return std::max(kMinUdpSize, std::min(wanted, options_.max_udp_answer));
}

}  // namespace sluice::dns
