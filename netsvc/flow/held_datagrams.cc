#include "netsvc/flow/held_datagrams.h"

namespace sluice::flow {

void HeldDatagrams::Charge() {
  const size_t held = inspector_.held() + frame_bytes_;
  budget_.bytes = budget_.bytes - charged_ + held;
  charged_ = held;
}

Inspection HeldDatagrams::Read(std::span<const uint8_t> payload) {
  // What it may hold is bounded by itself; all flows together by refusing more.
  if (budget_.bytes >= HoldBudget::kMaxBytes) return Inspection::Unreadable();
  Inspection inspection = inspector_.OnDatagram(payload);
  Charge();
  return inspection;
}

bool HeldDatagrams::Hold(std::span<const uint8_t> frame) {
  if (frames_.size() >= kMaxDatagrams || budget_.bytes + frame.size() > HoldBudget::kMaxBytes) return false;
  frames_.emplace_back(frame.begin(), frame.end());
  frame_bytes_ += frame.size();
  Charge();
  return true;
}

std::vector<std::vector<uint8_t>> HeldDatagrams::Take() {
  std::vector<std::vector<uint8_t>> frames = std::exchange(frames_, {});
  frame_bytes_ = 0;
  Charge();
  return frames;
}

}  // namespace sluice::flow
