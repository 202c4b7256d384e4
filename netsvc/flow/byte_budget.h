#ifndef SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_
#define SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_

#include <cstdint>

namespace sluice::flow {

// Bytes that may leave a sandbox in its whole life. The frame that would go past
// it spends it: from then on nothing leaves. One thread.
class ByteBudget {
 public:
  // What has to be known of it later.
  struct Spent {
    uint64_t bytes = 0;
    uint64_t total = 0;  // the largest that was spent
  };

  ByteBudget() = default;
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // Goes on from `spent`, and keeps it up to date from now on. Outlives it.
  // Before SetTotal.
  void KeepIn(Spent& spent) { spent_ = &spent; }

  // 0: no budget. What is spent stays spent; a larger total opens it again.
  void SetTotal(uint64_t total) {
    total_ = total;
    spent_out_ = limited() && (spent_->bytes >= total_ || spent_->total >= total_);
  }

  // Whether `bytes` may leave.
  bool Covers(uint64_t bytes) {
    if (limited() && !spent_out_ && (spent_->bytes >= total_ || bytes > total_ - spent_->bytes)) {
      spent_out_ = true;
      spent_->total = total_;
    }
    return !spent_out_;
  }
  // They left. Counted without a budget too.
  void Spend(uint64_t bytes) { spent_->bytes += bytes; }

  bool spent_out() const { return spent_out_; }
  uint64_t spent() const { return spent_->bytes; }

 private:
  bool limited() const { return total_ != 0; }

  uint64_t total_ = 0;
  Spent own_;
  Spent* spent_ = &own_;
  bool spent_out_ = false;
};

}  // namespace sluice::flow

#endif  // SLUICE_NETSVC_FLOW_BYTE_BUDGET_H_
