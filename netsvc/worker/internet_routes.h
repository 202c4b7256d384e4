#ifndef SLUICE_NETSVC_WORKER_INTERNET_ROUTES_H_
#define SLUICE_NETSVC_WORKER_INTERNET_ROUTES_H_

#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "netsvc/base/clock.h"

namespace sluice {

// Does the host have a route to the Internet in this family? Asks the kernel;
// nothing is sent.
bool HasInternetRoute(bool ipv6);

// The same, asked for again and again: the kernel's answer is good for kFreshFor,
// for asking takes it three system calls. One thread. `clock` outlives it.
class InternetRoutes {
 public:
  static constexpr absl::Duration kFreshFor = absl::Seconds(1);

  explicit InternetRoutes(const Clock& clock, std::function<bool(bool ipv6)> ask = HasInternetRoute)
      : clock_(clock), ask_(std::move(ask)) {}

  bool Has(bool ipv6);

 private:
  struct Answer {
    bool has;
    absl::Duration asked;  // monotonic
  };

  const Clock& clock_;
  const std::function<bool(bool ipv6)> ask_;
  std::array<std::optional<Answer>, 2> answers_;  // of IPv4, of IPv6
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_INTERNET_ROUTES_H_
