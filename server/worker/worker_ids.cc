#include "server/worker/worker_ids.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr size_t kMaxMap = 64 << 10;  // bytes; user_namespaces(7): 340 lines at most

// Does a map of user_namespaces(7) cover every id from `first` on? Each line is
// "inside outside count".
bool Covers(absl::string_view map, uid_t first) {
  for (const absl::string_view line : absl::StrSplit(map, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t inside = 0;
    uint64_t count = 0;
    if (words.size() != 3 || !absl::SimpleAtoi(words[0], &inside) || !absl::SimpleAtoi(words[2], &count)) continue;
    if (inside <= first && first + WorkerIds::kCount <= inside + count) return true;
  }
  return false;
}

}  // namespace

WorkerIds::WorkerIds(absl::string_view uid_map, absl::string_view gid_map, uid_t first)
    : first_(first), separate_(Covers(uid_map, first) && Covers(gid_map, first)), last_(first - 1) {}

std::unique_ptr<WorkerIds> WorkerIds::OfThisProcess(uid_t first) {
  return std::make_unique<WorkerIds>(ReadFile("/proc/self/uid_map", kMaxMap).value_or(""),
                                     ReadFile("/proc/self/gid_map", kMaxMap).value_or(""), first);
}

WorkerIds::Lease::~Lease() {
  const MutexLock lock(ids_.mutex_);
  ids_.taken_.erase(id_);
}

absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> WorkerIds::Acquire() {
  if (!separate_) return std::make_unique<Lease>(*this, 0);
  const MutexLock lock(mutex_);
  // In turn, so that one that was just given back rests for a while.
  for (uint32_t tries = 0; tries < kCount; ++tries) {
    last_ = last_ + 1 < first_ + kCount ? last_ + 1 : first_;
    if (taken_.insert(last_).second) return std::make_unique<Lease>(*this, last_);
  }
  return absl::ResourceExhaustedError(absl::StrCat("all ", kCount, " users of workers are taken"));
}

absl::StatusOr<std::unique_ptr<WorkerIds::Lease>> WorkerIds::Claim(uid_t id) {
  const MutexLock lock(mutex_);
  if (id == 0 || taken_.insert(id).second) return std::make_unique<Lease>(*this, id);
  return absl::AlreadyExistsError(absl::StrCat("user ", id, " is another worker's"));
}

}  // namespace sluice
