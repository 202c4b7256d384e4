#ifndef SLUICE_NETSVC_DNS_C_ARES_UPSTREAM_H_
#define SLUICE_NETSVC_DNS_C_ARES_UPSTREAM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/dns/c_ares_channel.h"
#include "netsvc/dns/upstream.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// Upstream over c-ares: EDNS, TCP where an answer is truncated, the next server
// on silence, SERVFAIL, NOTIMP and REFUSED. An answer counts where address, id
// and question fit.
//
// Whoever would forge an answer has to guess the id, which is a random number of the
// kernel's, and the port, which the kernel chooses at random and which bears few
// queries for a short while (RFC 5452 section 10). c-ares would keep a socket as long
// as it has a query, or for good: here sockets are renewed, kQueriesPerPort and
// kPortLife. What is spent on finding a port out is lost when that is over.
//
// Owned by the worker; the loop's thread. Queries are destroyed before it.
class CAresUpstream : public Upstream {
 public:
  // Times that all servers are asked, in order.
  static constexpr int kRounds = 2;
  // Queries that leave from one port before another is opened, as long as there
  // are fewer than kMaxChannels.
  static constexpr int kQueriesPerPort = 16;
  // From its first query on, a port bears new ones for so long. Scans for open ports
  // by way of ICMP rate limits manage some 1,000 a second (CVE-2020-25705).
  static constexpr absl::Duration kPortLife = absl::Seconds(1);
  // 73 KB each, in c-ares 1.18.
  static constexpr size_t kMaxChannels = 64;
  // Channels that are kept while nothing is asked, their sockets closed.
  static constexpr size_t kIdleChannels = 2;
  // Queries under way, the cancelled among them; past it Ask fails with
  // Unavailable.
  static constexpr int kMaxQueries = 512;

  struct Options {
    // Of one try.
    absl::Duration query_timeout = absl::Seconds(2);
  };

  struct Counters {
    uint64_t asked = 0;
    uint64_t failed = 0;      // no answer
    uint64_t over_limit = 0;  // refused at kMaxQueries
  };

  CAresUpstream(EventLoop& loop, const Options& options);
  ~CAresUpstream() override;

  void SetServers(const std::vector<Endpoint>& servers) override;
  void SetQueryTimeout(absl::Duration timeout) override;
  std::unique_ptr<Query> Ask(const DomainName& name, uint16_t type, Callback callback) override;

  const Counters& counters() const { return counters_; }

 private:
  // One query, shared by its handle and by what is to come of it.
  struct Pending;
  class Handle;

  void Send(const std::shared_ptr<Pending>& pending);
  void OnAnswer(const std::shared_ptr<Pending>& pending, const CAresChannel* channel,
                absl::StatusOr<std::span<const uint8_t>> answer);
  absl::StatusOr<CAresChannel*> PickChannel();
  // May another query leave from the channel's ports?
  bool IsFresh(const CAresChannel& channel) const;
  void Finish(const std::shared_ptr<Pending>& pending, absl::StatusOr<std::vector<uint8_t>> answer);
  void Deliver();
  // `channel` is asked nothing more.
  void Retire(const CAresChannel* channel);
  void RetireAll();
  // Closes what is idle, after kPortLife and then as long as there is anything.
  void SweepLater();
  void Sweep();

  EventLoop& loop_;
  Options options_;
  std::vector<Endpoint> servers_;
  Counters counters_;
  int in_flight_ = 0;
  std::vector<std::shared_ptr<Pending>> finished_;  // a Deliver is posted while it has any
  std::vector<std::unique_ptr<CAresChannel>> channels_;
  // Of servers that were replaced, until their last query ends.
  std::vector<std::unique_ptr<CAresChannel>> retired_;
  std::unique_ptr<EventLoop::Handle> sweep_timer_;
  // Expires with this: what posted work looks at first.
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_C_ARES_UPSTREAM_H_
