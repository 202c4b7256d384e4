#include "server/access/stream_limit.h"

#include "absl/strings/str_cat.h"

namespace sluice {

absl::StatusOr<std::shared_ptr<const void>> StreamLimit::Take(const std::string& caller) {
  {
    const MutexLock lock(open_->mutex);
    size_t& count = open_->of_caller[caller];
    if (count >= max_of_one_) {
      return absl::ResourceExhaustedError(absl::StrCat("this caller has ", count, " streams open already, as many as it may"));
    }
    ++count;
  }
  return std::shared_ptr<const void>(open_.get(), [open = open_, caller](const void*) {
    const MutexLock lock(open->mutex);
    if (--open->of_caller[caller] == 0) open->of_caller.erase(caller);
  });
}

}  // namespace sluice
