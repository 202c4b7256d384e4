#ifndef SLUICE_NETSVC_WORKER_KEPT_NUMBERS_H_
#define SLUICE_NETSVC_WORKER_KEPT_NUMBERS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/flow/byte_budget.h"

namespace sluice {

// Numbers of a sandbox that outlive its workers. They are in a file that is
// mapped: a change is the kernel's the moment that it is made, whatever ends the
// process then. (A log could not tell: what is spent between two of its events
// would be spent again.) They go with the host: so do the sandboxes.
//
// One process at a time.
class KeptNumbers {
 public:
  struct Values {
    flow::ByteBudget::Spent spent;
    uint64_t last_flow_id = 0;
  };

  // All of them 0 where there is no such file yet.
  static absl::StatusOr<std::unique_ptr<KeptNumbers>> Open(const std::string& path);
  ~KeptNumbers();
  KeptNumbers(const KeptNumbers&) = delete;
  KeptNumbers& operator=(const KeptNumbers&) = delete;

  Values& values() { return *values_; }

 private:
  explicit KeptNumbers(Values* values) : values_(values) {}

  Values* const values_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_KEPT_NUMBERS_H_
