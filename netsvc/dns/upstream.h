#ifndef SLUICE_NETSVC_DNS_UPSTREAM_H_
#define SLUICE_NETSVC_DNS_UPSTREAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/base/domain_name.h"
#include "netsvc/base/endpoint.h"

namespace sluice::dns {

// Asks resolvers on the host's side. One thread, the loop's.
class Upstream {
 public:
  // Destroying it cancels: its callback does not run afterwards.
  class Query {
   public:
    virtual ~Query() = default;
  };

  // The whole answer, as received: a well-formed header, QR set, the question
  // asked. Or why there is none: DeadlineExceeded (every resolver was silent),
  // Unavailable (none can be reached, or every one failed).
  using Callback = std::function<void(absl::StatusOr<std::span<const uint8_t>> answer)>;

  virtual ~Upstream() = default;

  // The resolvers to ask, in order. Queries under way keep theirs.
  virtual void SetServers(const std::vector<Endpoint>& servers) = 0;

  // Of one try, for queries from now on.
  virtual void SetQueryTimeout(absl::Duration timeout) = 0;

  // Class IN. `callback` runs once, never before Ask has returned.
  virtual std::unique_ptr<Query> Ask(const DomainName& name, uint16_t type, Callback callback) = 0;
};

}  // namespace sluice::dns

#endif  // SLUICE_NETSVC_DNS_UPSTREAM_H_
