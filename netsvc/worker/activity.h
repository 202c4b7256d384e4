#ifndef SLUICE_NETSVC_WORKER_ACTIVITY_H_
#define SLUICE_NETSVC_WORKER_ACTIVITY_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "sluice/internal/v1/worker.pb.h"
#include "sluice/v1/policy.pb.h"

namespace sluice {

// What a worker counts of what its sandbox does, from the worker's start: only
// ever more. One thread.
class Activity {
 public:
  // Upper bounds of the buckets of the DNS latency histogram, in seconds; one
  // more bucket holds what is slower.
  static constexpr std::array<double, 10> kDnsLatencyBounds = {0.001, 0.0025, 0.005, 0.01, 0.025,
                                                               0.05,  0.1,    0.25,  1.0,  5.0};

  void FlowOpened() { ++flows_opened_; }
  void FlowClosed(uint64_t bytes_to_remote, uint64_t bytes_to_guest) {
    bytes_to_remote_ += bytes_to_remote;
    bytes_to_guest_ += bytes_to_guest;
  }
  void FlowDenied(v1::Verdict::Reason reason) { ++denied_[Index(reason)]; }
  void DnsQuery(v1::Action action, v1::Verdict::Reason reason, absl::Duration latency);

  // Fills in what it knows: flows_opened, flows_denied, the bytes of flows that
  // have closed, dns and dns_latency.
  void Fill(internal::v1::StatsResult& stats) const;

 private:
  static constexpr size_t kReasons = v1::Verdict::Reason_ARRAYSIZE;
  using ByReason = std::array<uint64_t, kReasons>;

  static size_t Index(v1::Verdict::Reason reason) { return static_cast<size_t>(reason) % kReasons; }

  uint64_t flows_opened_ = 0;
  uint64_t bytes_to_remote_ = 0;
  uint64_t bytes_to_guest_ = 0;
  ByReason denied_ = {};
  ByReason dns_allowed_ = {};
  ByReason dns_denied_ = {};
  std::array<uint64_t, kDnsLatencyBounds.size() + 1> dns_latency_ = {};
  absl::Duration dns_latency_sum_;
};

}  // namespace sluice

#endif  // SLUICE_NETSVC_WORKER_ACTIVITY_H_
