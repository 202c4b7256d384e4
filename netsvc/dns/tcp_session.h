#ifndef SLUICE_NETSVC_DNS_TCP_SESSION_H_
#define SLUICE_NETSVC_DNS_TCP_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/dns/asked.h"
#include "netsvc/loop/event_loop.h"

namespace sluice::dns {

// One TCP connection of the guest to some resolver (RFC 7766): takes messages
// out of the stream, gives each to the handler, writes the answers as they come.
// Owned by the TcpServer; the loop's thread.
class TcpSession : public std::enable_shared_from_this<TcpSession> {
 public:
  // Without a whole query or an answer for this long, the connection closes
  // (RFC 7766 section 6.2.3).
  static constexpr absl::Duration kIdle = absl::Seconds(30);
  // Answers not yet taken by the guest, in bytes: past the first nothing more is
  // read, past the second the connection closes.
  static constexpr size_t kPauseReading = 64 << 10;
  static constexpr size_t kMaxUnsent = 256 << 10;

  using Answer = std::function<void(std::span<const uint8_t> message)>;
  // False: not a DNS message, and the connection closes. The answer may run
  // within the call, later, or never; after the session has ended it does
  // nothing.
  using Handler = std::function<bool(const Asked&, std::span<const uint8_t> message, Answer answer)>;

  // `stream`: connected, non-blocking. `on_closed` runs once, within any call or
  // callback; the session is to be destroyed after that, not in it.
  TcpSession(EventLoop& loop, const Asked& asked, UniqueFd stream, const Handler& handler,
             std::function<void()> on_closed);
  // Apart from the constructor, which cannot hand out itself.
  void Start();

  bool closed() const { return !stream_.valid(); }
  // Nothing waits for an answer or to be sent.
  bool idle() const { return waiting_ == 0 && unsent_.empty(); }
  // Monotonic: when the last whole query came or the last answer went.
  absl::Duration last_active() const { return last_active_; }

  void Close();

 private:
  void Watch();
  void OnReady(uint32_t events);
  void Read();
  // Takes whole messages off the front of `received_`; false: closed.
  bool TakeMessages();
  void Send(std::span<const uint8_t> message);
  void Write();
  void CheckIdle();

  EventLoop& loop_;
  const Asked asked_;
  UniqueFd stream_;
  const Handler& handler_;
  const std::function<void()> on_closed_;
  std::vector<uint8_t> received_;  // less than one whole message between reads
  std::vector<uint8_t> unsent_;
  int waiting_ = 0;
  bool reading_ = false;
  bool ended_by_guest_ = false;
  absl::Duration last_active_;
  uint32_t watched_events_ = 0;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::unique_ptr<EventLoop::Handle> idle_timer_;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_TCP_SESSION_H_
