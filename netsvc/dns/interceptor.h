#ifndef SLUICE_NETSVC_DNS_INTERCEPTOR_H_
#define SLUICE_NETSVC_DNS_INTERCEPTOR_H_

// Theory of operation
//
// Every message that the guest sends to port 53, of whatever address, ends here
// and is answered in that address's name. A query takes these steps, and leaves
// at the first one that answers it (docs: policy reference, DNS):
//
//   guest bytes -> ParseGuestQuery    not a message, malformed, unsupported
//               -> QueryBudget            too many queries; ahead of flights, names
//               -> NameJudge::OfQuery     resolver, block list, rules
//               -> AnswerHere         host.sluice.internal, ANY, no route
//               -> Cache              what an upstream said a while ago
//               -> flights            one upstream query for all who ask the same
//               -> NameJudge::OfAnswer    CNAME targets, rebinding
//               -> reply.h            the answer, in the words of the query
//
// Nothing of the upstream's message is passed on as it is: its records are read
// one by one and written again. A message that cannot be read to its end, or an
// answer whose event cannot be written, is SERVFAIL. The answers of one turn of the
// loop leave at its end, behind one write of all their events (AnswerQueue).
//
// The cache holds what upstreams sent, unjudged: OfAnswer judges it each time that
// it is used, so that no policy's answer outlives the policy.
//
// A query that waits keeps the verdict that let it be asked, together with the
// policy's generation; where the policy has changed by the time of the answer,
// the query is judged again before the answer is.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/answer_queue.h"
#include "netsvc/dns/asked.h"
#include "netsvc/dns/block_lists.h"
#include "netsvc/dns/cache.h"
#include "netsvc/dns/event.h"
#include "netsvc/dns/event_fold.h"
#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/name_judge.h"
#include "netsvc/dns/query_budget.h"
#include "netsvc/dns/tcp_server.h"
#include "netsvc/dns/upstream.h"
#include "netsvc/loop/event_loop.h"
#include "netsvc/policy/address_groups.h"
#include "netsvc/policy/compiled_policy.h"
#include "sluice/v1/audit.pb.h"
#include "sluice/v1/sandbox.pb.h"

namespace sluice::dns {

// Answers a sandbox's DNS queries. Owned by the worker's gateway; the loop's
// thread. Destroying it drops what waits, unanswered.
class Interceptor {
 public:
  // Queries waiting for an upstream; past it SERVFAIL.
  static constexpr int kMaxInFlight = 256;

  // What the interceptor needs of the worker around it; outlives it.
  class Host {
   public:
    virtual ~Host() = default;
    virtual const policy::CompiledPolicy& policy() const = 0;
    virtual const policy::AddressGroups& groups() const = 0;
    // Is there a route to the Internet in this family?
    virtual bool HasRoute(bool ipv6) const = 0;
    // Of what is about to be answered; written by the next Commit.
    virtual void Record(v1::DnsEvent event) = 0;
    // Writes what was recorded, before the answers that it speaks of are given
    // out; false: it could not be, and these queries get SERVFAIL (fail closed).
    virtual bool Commit() = 0;
    // Could Commit write, as far as is known? Where not, nothing is sent upstream.
    virtual bool CanRecord() const { return true; }
    // An allowed answer is about to be given out: these addresses are bound to
    // `name`, which was asked, for `ttl`. Not called where there are none.
    virtual void OnResolved(const DomainName& /*name*/, std::span<const IpAddress> /*addresses*/,
                            absl::Duration /*ttl*/) {}
  };

  struct Options {
    v1::DnsConfig config;    // already validated
    IpAddress gateway_ipv4;  // the answer for host.sluice.internal
    IpAddress gateway_ipv6;  // an IPv4 address: there is none
    // The largest UDP answer that fits the guest's link unfragmented.
    size_t max_udp_answer = 1232;
  };

  struct Counters {
    uint64_t queries = 0;          // messages with a header
    uint64_t malformed = 0;        // steps 1 and 2
    uint64_t denied = 0;           // by policy, block list or rebinding
    uint64_t merged = 0;           // joined a query in flight
    uint64_t over_limit = 0;       // refused at kMaxInFlight
    uint64_t over_budget = 0;      // refused by a limit of the DnsConfig
    uint64_t upstream_failed = 0;  // no answer, or one that cannot be read
  };

  // `lists` outlives it, as do the others.
  Interceptor(EventLoop& loop, Upstream& upstream, Host& host, const BlockLists& lists, const Options& options);
  ~Interceptor();
  Interceptor(const Interceptor&) = delete;
  Interceptor& operator=(const Interceptor&) = delete;

  // One UDP query. `answer` runs once, now or later, with the payload to send
  // back; never where there is nothing to say. It is dropped when the
  // interceptor ends.
  using Answer = std::function<void(std::span<const uint8_t> message)>;
  void OnDatagram(const Asked& asked, std::span<const uint8_t> message, Answer answer);

  // A TCP connection to some resolver's port 53, ended here: a connected stream
  // socket, non-blocking. RFC 7766 framing, pipelined, answers out of order,
  // closed by idleness (30 s) or at the guest's word.
  void OnConnection(const Asked& asked, UniqueFd stream);

  // After a change of policy or block lists: nothing is answered by the old ones
  // any more.
  void OnPolicyChanged();

  // Settings of a running sandbox, already validated: the next query, and what
  // waits for an answer, is judged by them.
  void SetConfig(const v1::DnsConfig& config);

  // The upstream asks other resolvers now: what the former ones said is
  // forgotten; what they are still about to say goes to who waits for it, and is not
  // kept.
  void OnNameserversChanged();

  // Records the events that are held back to be counted.
  void FlushEvents();

  const NameJudge& names() const { return judge_; }
  const Counters& counters() const { return counters_; }
  const Cache& cache() const { return cache_; }
  const AnswerQueue& answers() const { return answers_; }
  const TcpServer& tcp() const { return tcp_; }

 private:
  // One query of the guest, from its arrival to its answer.
  struct Exchange {
    Asked asked;
    GuestQuery query;
    Answer answer;
    absl::Duration arrived;  // monotonic
    policy::Verdict verdict = {};
    uint64_t generation = 0;  // of the policy that gave `verdict`
    bool from_cache = false;
  };

  // One question to the upstream and all who wait for its answer.
  struct Flight {
    std::unique_ptr<Upstream::Query> query;
    std::vector<Exchange> waiting;
  };
  // Name, type, and which of the nameservers are asked: other ones may have an
  // answer where the former ones are silent.
  using Key = std::tuple<DomainName, uint16_t, uint64_t>;

  // False: the message has no header.
  bool Handle(const Asked& asked, std::span<const uint8_t> message, Answer answer);
  void Process(Exchange exchange);
  // Answers what needs no upstream; false: it does.
  bool AnswerHere(const Exchange& exchange);
  bool AnswerFromCache(Exchange& exchange);
  void AskUpstream(Exchange exchange);
  void OnUpstream(Key key, absl::StatusOr<std::span<const uint8_t>> answer);
  // Judges a query that waited again where the policy has changed since.
  bool StillAllowed(Exchange& exchange);
  // Ends an exchange that may be answered, as the answer deserves.
  void Settle(const Exchange& exchange, const Cache::Hit& answer, const AnswerJudgement& judgement);
  void Relay(const Exchange& exchange, const Cache::Hit& answer, const AnswerJudgement& judgement);

  // Every exchange ends in one of these, exactly once.
  void Finish(const Exchange& exchange, const Outcome& outcome, Reply reply);
  void Deny(const Exchange& exchange, const policy::Verdict& verdict, std::span<const IpAddress> addresses = {});
  void Fail(const Exchange& exchange, const policy::Verdict& verdict, const ExtendedError& why);
  void Refuse(const Exchange& exchange);
  void Malformed(const Exchange& exchange);
  void OverBudget(const Exchange& exchange, EventFold& events);

  absl::Duration Now() const { return loop_.clock().Monotonic(); }
  size_t ReplyLimit(const Exchange& exchange) const;
  NameJudge::Rules rules() const { return {host_.policy(), host_.groups()}; }

  EventLoop& loop_;
  Upstream& upstream_;
  Host& host_;
  const Options options_;
  const BlockLists& block_lists_;
  NameJudge judge_;
  QueryBudget budget_;
  Cache cache_;
  EventFold malformed_events_;
  EventFold rate_events_;   // over the budget of queries
  EventFold names_events_;  // over the budget of names
  uint64_t generation_ = 0;
  uint64_t nameservers_ = 0;  // counts their changes
  int in_flight_ = 0;
  Counters counters_;
  absl::flat_hash_map<Key, Flight> flights_;
  AnswerQueue answers_;
  TcpServer tcp_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_INTERCEPTOR_H_
