#ifndef SLUICE_NETSVC_DNS_TCP_SERVER_H_
#define SLUICE_NETSVC_DNS_TCP_SERVER_H_

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/asked.h"
#include "netsvc/dns/tcp_session.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// All TCP connections that a sandbox's guest has to resolvers. The loop's
// thread. Destroying it closes them.
class TcpServer {
 public:
  // When full, the connection that was idle for longest makes room; where none
  // is idle, the new one is closed.
  static constexpr size_t kMaxSessions = 64;

  struct Counters {
    uint64_t accepted = 0;
    uint64_t evicted = 0;  // idle ones, for new ones
    uint64_t refused = 0;
  };

  TcpServer(EventLoop& loop, TcpSession::Handler handler) : loop_(loop), handler_(std::move(handler)) {}
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  void Add(const Asked& asked, UniqueFd stream);

  size_t session_count() const { return sessions_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  bool MakeRoom();
  // Takes the session out now; it is destroyed when nothing of it runs any more.
  void Remove(uint64_t id);

  EventLoop& loop_;
  const TcpSession::Handler handler_;
  uint64_t last_id_ = 0;
  Counters counters_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<TcpSession>> sessions_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_TCP_SERVER_H_
