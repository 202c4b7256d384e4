#ifndef SLUICE_NETSVC_DNS_FAKE_RESOLVER_H_
#define SLUICE_NETSVC_DNS_FAKE_RESOLVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/endpoint.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/test_message.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// A DNS server on a port of 127.0.0.1, UDP and TCP, that answers as a test tells
// it to. Lives on the test's loop.
class FakeResolver {
 public:
  // What to send back for a query, in order; none: silence.
  using Script = std::function<std::vector<Bytes>(std::span<const uint8_t> query, bool tcp)>;

  FakeResolver(EventLoop& loop, Script script);
  ~FakeResolver();

  // Over TCP what it sends leaves `bytes` at a time, each `every`.
  void Drip(size_t bytes, absl::Duration every);

  const Endpoint& endpoint() const { return endpoint_; }
  int udp_queries() const { return udp_queries_; }
  int tcp_queries() const { return tcp_queries_; }
  // Ports that UDP queries came from, and their ids.
  const std::set<uint16_t>& source_ports() const { return source_ports_; }
  const std::set<uint16_t>& ids() const { return ids_; }
  const Bytes& last_query() const { return last_query_; }

 private:
  struct Connection {
    UniqueFd socket;
    Bytes received;
    Bytes unsent;
    std::unique_ptr<EventLoop::Handle> watch;
    std::unique_ptr<EventLoop::Handle> drip;
  };

  void OnUdp();
  void OnAccept();
  void OnTcp(Connection& connection);
  void Send(Connection& connection);
  std::vector<Bytes> Answers(std::span<const uint8_t> query, bool tcp);

  EventLoop& loop_;
  const Script script_;
  size_t drip_bytes_ = 0;  // 0: all at once
  absl::Duration drip_interval_;
  Endpoint endpoint_;
  int udp_queries_ = 0;
  int tcp_queries_ = 0;
  std::set<uint16_t> source_ports_;
  std::set<uint16_t> ids_;
  Bytes last_query_;
  UniqueFd udp_;
  UniqueFd listener_;
  std::unique_ptr<EventLoop::Handle> udp_watch_;
  std::unique_ptr<EventLoop::Handle> listener_watch_;
  std::map<int, Connection> connections_;
};

// `answer` made to fit `query`: its id.
Bytes Fitting(std::span<const uint8_t> query, Bytes answer);

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_FAKE_RESOLVER_H_
