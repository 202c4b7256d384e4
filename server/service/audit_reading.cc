#include "server/service/audit_reading.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "netsvc/audit/segment.h"
#include "netsvc/base/field_error.h"
#include "server/core/field_checks.h"
#include "server/core/labels.h"
#include "spdlog/spdlog.h"

namespace sluice {
namespace {

using Response = v1::StreamAuditEventsResponse;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

absl::StatusOr<AuditReading> AuditReading::Start(const v1::StreamAuditEventsRequest& request,
                                                 const std::vector<AuditLogInfo>& logs, const Labels& scope) {
  if (absl::Status labels = CheckLabels("labels", request.labels()); !labels.ok()) return labels;
  absl::StatusOr<CompiledAuditFilter> filter = CompiledAuditFilter::Compile(request.filter());
  if (!filter.ok()) return InField("filter", filter.status());
  AuditReading reading(request, *std::move(filter), scope);
  if (reading.until_ < reading.since_) return FieldError("until", "is earlier than since");
  if (!request.cursor().empty()) {
    absl::StatusOr<audit::Cursor> cursor = audit::Cursor::FromText(request.cursor());
    if (!cursor.ok()) return FieldError("cursor", cursor.status().message());
    reading.cursor_ = *std::move(cursor);
  }
  std::set<std::string> known;
  for (const AuditLogInfo& log : logs) {
    if (LabelsMatch(log.labels, scope)) known.insert(log.sandbox_id);
  }
  for (int i = 0; i < request.sandbox_ids_size(); ++i) {
    const std::string& id = request.sandbox_ids(i);
    const absl::Status valid = CheckSandboxId(absl::StrCat("sandbox_ids[", i, "]"), id);
    if (!valid.ok()) return valid;
    if (!known.contains(id)) return absl::NotFoundError(absl::StrCat("there is no audit log of a sandbox ", id));
  }
  for (const AuditLogInfo& log : logs) {
    if (reading.Selects(log)) reading.Put(log);
  }
  return reading;
}

AuditReading::AuditReading(const v1::StreamAuditEventsRequest& request, CompiledAuditFilter filter, Labels scope)
    : request_(request),
      filter_(std::move(filter)),
      scope_(std::move(scope)),
      ids_(request.sandbox_ids().begin(), request.sandbox_ids().end()) {
  if (request.has_since()) since_ = ToTime(request.since());
  if (request.has_until()) until_ = ToTime(request.until());
}

bool AuditReading::Selects(const AuditLogInfo& log) const {
  return (ids_.empty() || ids_.contains(log.sandbox_id)) && LabelsMatch(log.labels, request_.labels()) &&
         LabelsMatch(log.labels, scope_);
}

void AuditReading::Put(const AuditLogInfo& info) {
  Log& log = logs_[info.sandbox_uid];
  live_logs_ += static_cast<size_t>(info.live) - static_cast<size_t>(log.info.live);
  log.info = info;
  MakeReady(log);
}

void AuditReading::Remove(const std::string& uid) {
  const auto log = logs_.find(uid);
  if (log == logs_.end()) return;
  live_logs_ -= static_cast<size_t>(log->second.info.live);
  logs_.erase(log);
  cursor_.Erase(uid);
}

void AuditReading::Appended(const std::string& uid) {
  if (const auto log = logs_.find(uid); log != logs_.end()) MakeReady(log->second);
}

void AuditReading::MakeReady(Log& log) {
  if (std::exchange(log.ready, true)) return;
  ready_.push_back(log.info.sandbox_uid);
}

bool AuditReading::IsComplete(absl::Time now) const {
  if (!ready_.empty()) return false;
  if (!request_.follow() || until_ <= now) return true;
  // Of all sandboxes, and under labels: new ones may come.
  return !ids_.empty() && live_logs_ == 0;
}

absl::StatusOr<AuditReading::Batch> AuditReading::Next() {
  Batch batch;
  for (int looks = 0; looks < kMaxLogsLookedAt && batch.responses.empty() && !ready_.empty(); ++looks) {
    const std::string uid = std::move(ready_.front());
    ready_.pop_front();
    const auto log = logs_.find(uid);
    if (log == logs_.end()) continue;  // removed since
    log->second.ready = false;
    const absl::StatusOr<bool> more = ReadLog(log->second, batch);
    if (more.ok()) {
      // Logs take turns, so that a busy one hides no other.
      if (*more) MakeReady(log->second);
    } else if (!ids_.empty() && !absl::IsNotFound(more.status())) {
      return more.status();
    } else if (!absl::IsNotFound(more.status())) {
      // A worker can spoil its own log, and nobody else's.
      spdlog::warn("audit log of sandbox {}: {}", log->second.info.sandbox_id, std::string(more.status().message()));
    }
  }
  batch.more = !ready_.empty();
  return batch;
}

absl::Status AuditReading::FindStart(Log& log, int directory) {
  if (!request_.follow()) {
    const absl::StatusOr<audit::LogPosition> end = audit::LogReader::End(directory);
    if (!end.ok()) return end.status();
    log.end = *end;
  }
  audit::LogPosition start;
  if (const std::optional<uint64_t> next = cursor_.Get(log.info.sandbox_uid)) {
    start.next_sequence = *next;
  } else if (since_ != absl::InfinitePast()) {
    const absl::StatusOr<audit::LogPosition> at = audit::LogReader::PositionAt(directory, since_);
    if (!at.ok()) return at.status();
    start = *at;
  }
  log.position = start;
  return absl::OkStatus();
}

absl::StatusOr<bool> AuditReading::ReadLog(Log& log, Batch& batch) {
  absl::StatusOr<UniqueFd> directory = audit::OpenLogDirectory(log.info.directory);
  if (!directory.ok()) return directory.status();
  if (!log.position) {
    if (absl::Status status = FindStart(log, directory->get()); !status.ok()) return status;
  }
  audit::LogReader reader(*std::move(directory), *log.position);
  reader.SkipBefore(since_);
  size_t bytes = 0;
  while (batch.responses.size() < kMaxBatch && bytes < kMaxBatchBytes) {
    if (!request_.follow() && reader.HasReached(log.end)) return false;
    absl::StatusOr<audit::LogItem> item = reader.Next();
    if (!item.ok()) return item.status();
    log.position = reader.position();
    if (log.position->next_sequence != 0) cursor_.Set(log.info.sandbox_uid, log.position->next_sequence);
    if (std::holds_alternative<audit::EndForNow>(*item)) return false;
    if (std::holds_alternative<audit::Pause>(*item)) return true;
    std::optional<Response> response = ToResponse(log, *std::move(item));
    if (!response) continue;
    response->set_cursor(cursor_.ToText());
    bytes += response->ByteSizeLong();
    batch.responses.push_back(*std::move(response));
  }
  return true;
}

std::optional<Response> AuditReading::ToResponse(const Log& log, audit::LogItem item) const {
  Response response;
  if (const auto* lost = std::get_if<audit::Lost>(&item)) {
    response.mutable_lost()->set_sandbox_id(log.info.sandbox_id);
    response.mutable_lost()->set_first_sequence(lost->first);
    response.mutable_lost()->set_last_sequence(lost->last);
    return response;
  }
  auto& event = std::get<v1::AuditEvent>(item);
  if (!Passes(event)) return std::nullopt;
  // Whose log it stands in, not what its worker says: that may be its guest's by now.
  event.set_sandbox_id(log.info.sandbox_id);
  event.set_sandbox_uid(log.info.sandbox_uid);
  *response.mutable_event() = std::move(event);
  return response;
}

bool AuditReading::Passes(const v1::AuditEvent& event) const {
  const absl::Time time = ToTime(event.time());
  return time >= since_ && time < until_ && filter_.Matches(event);
}

}  // namespace sluice
