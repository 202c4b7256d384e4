#ifndef SLUICE_NETSVC_FLOW_HELD_DATAGRAMS_H_
#define SLUICE_NETSVC_FLOW_HELD_DATAGRAMS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "netsvc/flow/held_stream.h"
#include "netsvc/flow/inspection.h"
#include "netsvc/flow/quic_inspector.h"

namespace sluice::flow {

// The QUIC side of a UDP flow: reads every datagram that the guest sends, and
// keeps those that came before it was known whom they are for. One thread; the
// budget outlives it.
class HeldDatagrams {
 public:
  // Datagrams kept: a hello takes one or two.
  static constexpr size_t kMaxDatagrams = 16;

  explicit HeldDatagrams(HoldBudget& budget) : budget_(budget) {}
  ~HeldDatagrams() { budget_.bytes -= charged_; }
  HeldDatagrams(const HeldDatagrams&) = delete;
  HeldDatagrams& operator=(const HeldDatagrams&) = delete;

  // As QuicInspector::OnDatagram.
  Inspection Read(std::span<const uint8_t> payload);
  // What the flow was judged by last.
  Inspection judged;

  // Keeps a copy of a whole frame. False: kMaxDatagrams, or the budget.
  bool Hold(std::span<const uint8_t> frame);
  // The frames kept, in order; none are left.
  std::vector<std::vector<uint8_t>> Take();

 private:
  // Takes from the budget what is held now.
  void Charge();

  HoldBudget& budget_;
  QuicInspector inspector_;
  std::vector<std::vector<uint8_t>> frames_;
  size_t frame_bytes_ = 0;
  size_t charged_ = 0;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_HELD_DATAGRAMS_H_
