#include "server/service/audit_streams.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {

absl::Status AuditStreams::Add(std::shared_ptr<Stream> stream) {
  const MutexLock lock(mutex_);
  if (!end_.ok()) return end_;
  if (streams_.size() >= kMaxStreams) {
    return absl::ResourceExhaustedError(absl::StrCat(kMaxStreams, " audit streams are open: no more are taken"));
  }
  streams_.insert(std::move(stream));
  return absl::OkStatus();
}

void AuditStreams::Remove(const std::shared_ptr<Stream>& stream) {
  const MutexLock lock(mutex_);
  streams_.erase(stream);
}

void AuditStreams::EndAll(const absl::Status& status) {
  std::set<std::shared_ptr<Stream>> open;
  {
    const MutexLock lock(mutex_);
    end_ = status;
    open = streams_;
  }
  for (const std::shared_ptr<Stream>& stream : open) stream->End(status);
}

AuditStreams::Summary AuditStreams::Summarize() const {
  const MutexLock lock(mutex_);
  Summary summary{.open = streams_.size(), .max_lag = absl::ZeroDuration()};
  for (const std::shared_ptr<Stream>& stream : streams_) summary.max_lag = std::max(summary.max_lag, stream->lag());
  return summary;
}

}  // namespace sluice
