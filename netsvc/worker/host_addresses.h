#ifndef SLUICE_NETSVC_WORKER_HOST_ADDRESSES_H_
#define SLUICE_NETSVC_WORKER_HOST_ADDRESSES_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/loop/event_loop.h"

struct nl_sock;

namespace sluice {

// Every address on any interface of the host, as they are now. Any thread.
absl::StatusOr<std::vector<IpAddress>> ReadHostAddresses();

// The same, kept current over rtnetlink. One thread, the loop's.
class HostAddresses {
 public:
  // A list that could not be read is asked for again after it.
  static constexpr absl::Duration kRetryInterval = absl::Seconds(1);

  using Callback = std::function<void(const std::vector<IpAddress>& addresses)>;

  // `on_change` runs with the whole list, once before Create returns and then
  // whenever an address has come or gone.
  static absl::StatusOr<std::unique_ptr<HostAddresses>> Create(EventLoop& loop, Callback on_change);
  ~HostAddresses();

 private:
  HostAddresses(EventLoop& loop, nl_sock* events, nl_sock* requests, Callback on_change);
  absl::Status Refresh();
  void OnEvents();
  void RefreshOrRetry();

  EventLoop& loop_;
  nl_sock* const events_;    // told of changes
  nl_sock* const requests_;  // asked for the list
  const Callback on_change_;
  bool changed_ = false;
  std::unique_ptr<EventLoop::Handle> watch_;
  std::unique_ptr<EventLoop::Handle> retry_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_HOST_ADDRESSES_H_
