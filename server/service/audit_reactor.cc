#include "server/service/audit_reactor.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "server/service/status.h"

namespace sluice {

AuditReactor* AuditReactor::Start(const v1::StreamAuditEventsRequest& request, const AuditDirectory& directory,
                                  AuditWatch& watch, Executor& readers) {
  std::shared_ptr<AuditReactor> reactor(new AuditReactor(watch, readers, request.follow()));
  reactor->self_ = reactor;
  AuditReactor* raw = reactor.get();
  absl::StatusOr<AuditReading> reading = AuditReading::Start(request, directory);
  if (!reading.ok()) {
    raw->End(reading.status());
    return raw;
  }
  raw->reading_ = std::make_unique<AuditReading>(*std::move(reading));
  {
    const MutexLock lock(raw->mutex_);
    raw->last_write_ = absl::Now();
  }
  if (raw->follow_) {
    raw->listener_ = watch.Add([weak = std::weak_ptr<AuditReactor>(reactor)] {
      if (const std::shared_ptr<AuditReactor> alive = weak.lock()) alive->Wake();
    });
  }
  raw->Wake();
  return raw;
}

void AuditReactor::Wake() {
  {
    const MutexLock lock(mutex_);
    if (ended_) return;
    if (busy_) {
      again_ = true;
      return;
    }
    busy_ = true;
  }
  // One task a stream at most.
  readers_.Run([self = shared_from_this()] { self->Read(); });
}

void AuditReactor::Read() {
  absl::StatusOr<std::optional<v1::StreamAuditEventsResponse>> next = reading_->Next();
  if (!next.ok()) return End(next.status());
  if (*next) {
    response_ = **std::move(next);
    return Write();
  }
  if (!follow_ || reading_->complete()) return End(absl::OkStatus());
  bool heartbeat;
  bool again;
  {
    const MutexLock lock(mutex_);
    again = std::exchange(again_, false);
    heartbeat = !again && absl::Now() - last_write_ >= kHeartbeat;
    if (!again && !heartbeat) busy_ = false;
  }
  if (again) return Read();
  if (!heartbeat) return;
  response_.Clear();
  *response_.mutable_heartbeat() = google::protobuf::util::TimeUtil::GetCurrentTime();
  response_.set_cursor(reading_->cursor());
  Write();
}

void AuditReactor::Write() {
  const MutexLock lock(mutex_);
  if (ended_) return;
  last_write_ = absl::Now();
  StartWrite(&response_);
}

void AuditReactor::OnWriteDone(bool ok) {
  if (!ok) return End(absl::CancelledError("the caller is gone"));
  readers_.Run([self = shared_from_this()] { self->Read(); });
}

void AuditReactor::OnCancel() { End(absl::CancelledError("the caller is gone")); }

void AuditReactor::End(const absl::Status& status) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(ToGrpc(status));
}

void AuditReactor::OnDone() {
  if (listener_ != 0) watch_.Remove(listener_);
  self_ = nullptr;
}

}  // namespace sluice
