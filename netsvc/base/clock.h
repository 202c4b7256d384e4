#ifndef SLUICE_NETSVC_BASE_CLOCK_H_
#define SLUICE_NETSVC_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace sluice {

// Where time comes from. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time: for what people read.
  virtual absl::Time Now() const = 0;
  // Time since some fixed moment, never set back: for deadlines and ages.
  virtual absl::Duration Monotonic() const = 0;

  // The kernel's clocks. Never destroyed.
  static const Clock& System();
};

// A clock that stands still until it is moved. Tests.
class FakeClock : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  absl::Duration Monotonic() const override { return now_ - absl::UnixEpoch(); }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_BASE_CLOCK_H_
