#include "server/service/audit_reactor.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/util/time_util.h"
#include "server/service/status.h"

namespace sluice {

using google::protobuf::util::TimeUtil;

AuditReactor* AuditReactor::Start(const v1::StreamAuditEventsRequest& request, absl::StatusOr<Caller> caller,
                                  const Parts& parts) {
  std::shared_ptr<AuditReactor> reactor(new AuditReactor(parts, request.follow()));
  reactor->self_ = reactor;
  AuditReactor* raw = reactor.get();
  const absl::Status status = raw->Begin(request, std::move(caller));
  if (status.ok()) {
    raw->ReadSoon();
  } else {
    raw->End(status);
  }
  return raw;
}

absl::Status AuditReactor::Begin(const v1::StreamAuditEventsRequest& request, absl::StatusOr<Caller> caller) {
  if (!caller.ok()) return caller.status();
  caller_ = *std::move(caller);
  absl::Status status = parts_.streams.Add(shared_from_this());
  if (!status.ok()) return status;
  absl::StatusOr<AuditReading> reading = AuditReading::Start(request, parts_.directory.Logs(), caller_.scope);
  if (!reading.ok()) return reading.status();
  reading_.emplace(*std::move(reading));
  {
    const MutexLock lock(mutex_);
    last_write_ = parts_.clock.Monotonic();
  }
  // What is told twice is noted once.
  if (follow_) listener_ = parts_.watch.Add(shared_from_this());
  return absl::OkStatus();
}

bool AuditReactor::OnLog(const AuditLogInfo& log) {
  if (!reading_->Selects(log)) return false;
  const MutexLock lock(mutex_);
  removed_.erase(log.sandbox_uid);
  found_[log.sandbox_uid] = log;
  Wake();
  return true;
}

void AuditReactor::OnRemoved(const std::string& uid) {
  const MutexLock lock(mutex_);
  found_.erase(uid);
  appended_.erase(uid);
  removed_.insert(uid);
  Wake();
}

void AuditReactor::OnAppended(const std::string& uid) {
  const MutexLock lock(mutex_);
  appended_.insert(uid);
  Wake();
}

void AuditReactor::OnTick() {
  const MutexLock lock(mutex_);
  if (busy_) return;
  const bool is_over = parts_.clock.Now() >= reading_->until();
  if (is_over || parts_.clock.Monotonic() - last_write_ >= kHeartbeat) Wake();
}

void AuditReactor::Wake() {
  if (ended_) return;
  if (busy_) {
    again_ = true;
    return;
  }
  busy_ = true;
  ReadSoon();
}

// One task a stream at most.
void AuditReactor::ReadSoon() {
  parts_.readers.Run([self = shared_from_this()] { self->Read(); });
}

void AuditReactor::Read() {
  if (!TakeNotes()) return;
  absl::StatusOr<AuditReading::Batch> batch = reading_->Next();
  if (!batch.ok()) return End(batch.status());
  if (!batch->responses.empty()) {
    std::move(batch->responses.begin(), batch->responses.end(), std::back_inserter(responses_));
    return WriteNext();
  }
  if (batch->more) return ReadSoon();  // others have their turn in between
  Rest();
}

bool AuditReactor::TakeNotes() {
  std::map<std::string, AuditLogInfo> found;
  std::set<std::string> removed;
  std::set<std::string> appended;
  {
    const MutexLock lock(mutex_);
    if (ended_) return false;
    found.swap(found_);
    removed.swap(removed_);
    appended.swap(appended_);
    again_ = false;
  }
  for (const std::string& uid : removed) reading_->Remove(uid);
  for (const auto& [uid, log] : found) reading_->Put(log);
  for (const std::string& uid : appended) reading_->Appended(uid);
  return true;
}

void AuditReactor::Rest() {
  const bool complete = reading_->IsComplete(parts_.clock.Now());
  {
    const MutexLock lock(mutex_);
    behind_at_ = std::nullopt;
    if (!again_ && !complete) {
      if (parts_.clock.Monotonic() - last_write_ < kHeartbeat) {
        busy_ = false;
        return;
      }
      *responses_.emplace_back().mutable_heartbeat() =
          TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(parts_.clock.Now()));
    } else if (again_) {
      return ReadSoon();
    }
  }
  if (complete) return End(absl::OkStatus());
  responses_.back().set_cursor(reading_->cursor());
  WriteNext();
}

void AuditReactor::WriteNext() {
  response_ = std::move(responses_.front());
  responses_.pop_front();
  const MutexLock lock(mutex_);
  if (ended_) return;
  last_write_ = parts_.clock.Monotonic();
  if (response_.has_event()) {
    behind_at_ = absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(response_.event().time()));
  }
  StartWrite(&response_);
}

void AuditReactor::OnWriteDone(bool ok) {
  if (!ok) return End(absl::CancelledError("the caller is gone"));
  if (!responses_.empty()) return WriteNext();
  ReadSoon();
}

void AuditReactor::OnCancel() { End(absl::CancelledError("the caller is gone")); }

void AuditReactor::End(const absl::Status& status) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(ToGrpc(status));
}

absl::Duration AuditReactor::lag() const {
  const MutexLock lock(mutex_);
  if (!behind_at_ || ended_) return absl::ZeroDuration();
  return std::max(parts_.clock.Now() - *behind_at_, absl::ZeroDuration());
}

void AuditReactor::OnDone() {
  if (listener_ != 0) parts_.watch.Remove(listener_);
  parts_.streams.Remove(shared_from_this());
  self_ = nullptr;
}

}  // namespace sluice
