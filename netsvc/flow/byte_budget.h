#ifndef SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_
#define SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_

#include <cstdint>

namespace sluice::flow {

// Bytes that may leave a sandbox in its whole life. The frame that would go past
// it spends it: from then on nothing leaves. A value; one thread.
class ByteBudget {
 public:
  // 0: no budget. What is spent stays spent; a larger total opens it again.
  void SetTotal(uint64_t total) {
    total_ = total;
    spent_out_ = limited() && spent_ >= total_;
  }

  // Whether `bytes` may leave.
  bool Covers(uint64_t bytes) {
    if (limited() && (spent_ >= total_ || bytes > total_ - spent_)) spent_out_ = true;
    return !spent_out_;
  }
  // They left. Counted without a budget too.
  void Spend(uint64_t bytes) { spent_ += bytes; }

  bool spent_out() const { return spent_out_; }
  uint64_t spent() const { return spent_; }

 private:
  bool limited() const { return total_ != 0; }

  uint64_t total_ = 0;
  uint64_t spent_ = 0;
  bool spent_out_ = false;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_
