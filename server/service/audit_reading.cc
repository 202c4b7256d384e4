#include "server/service/audit_reading.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "netsvc/audit/segment.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

using Response = v1::StreamAuditEventsResponse;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

absl::StatusOr<AuditReading> AuditReading::Start(const v1::StreamAuditEventsRequest& request,
                                                 const AuditDirectory& directory) {
  absl::StatusOr<CompiledAuditFilter> filter = CompiledAuditFilter::Compile(request.filter());
  if (!filter.ok()) return InField("filter", filter.status());
  AuditReading reading(request, directory, *std::move(filter));
  if (!request.cursor().empty()) {
    absl::StatusOr<audit::Cursor> cursor = audit::Cursor::FromText(request.cursor());
    if (!cursor.ok()) return FieldError("cursor", cursor.status().message());
    reading.cursor_ = *std::move(cursor);
  }
  std::set<std::string> known;
  for (const AuditLogInfo& log : directory.Logs()) known.insert(log.sandbox_id);
  for (const std::string& id : request.sandbox_ids()) {
    if (!known.contains(id)) return absl::NotFoundError(absl::StrCat("there is no audit log of a sandbox ", id));
  }
  return reading;
}

AuditReading::AuditReading(const v1::StreamAuditEventsRequest& request, const AuditDirectory& directory,
                           CompiledAuditFilter filter)
    : request_(request),
      directory_(directory),
      filter_(std::move(filter)),
      ids_(request.sandbox_ids().begin(), request.sandbox_ids().end()) {
  if (request.has_since()) since_ = ToTime(request.since());
  if (request.has_until()) until_ = ToTime(request.until());
}

bool AuditReading::Selects(const AuditLogInfo& log) const {
  if (!ids_.empty() && !ids_.contains(log.sandbox_id)) return false;
  return std::all_of(request_.labels().begin(), request_.labels().end(), [&](const auto& wanted) {
    const auto it = log.labels.find(wanted.first);
    return it != log.labels.end() && it->second == wanted.second;
  });
}

bool AuditReading::Passes(const v1::AuditEvent& event) const {
  const absl::Time time = ToTime(event.time());
  return time >= since_ && time < until_ && filter_.Matches(event);
}

absl::StatusOr<std::optional<Response>> AuditReading::Next() {
  std::vector<AuditLogInfo> logs;
  for (AuditLogInfo& log : directory_.Logs()) {
    if (Selects(log)) logs.push_back(std::move(log));
  }
  const auto by_uid = [](const AuditLogInfo& a, const AuditLogInfo& b) { return a.sandbox_uid < b.sandbox_uid; };
  std::sort(logs.begin(), logs.end(), by_uid);
  // Logs take turns, so that a busy one hides no other.
  const auto first = std::find_if(logs.begin(), logs.end(),
                                  [this](const AuditLogInfo& log) { return log.sandbox_uid > last_uid_; });
  std::rotate(logs.begin(), first, logs.end());
  bool live = ids_.empty();  // of all sandboxes: new ones may come
  for (const AuditLogInfo& log : logs) {
    live = live || log.live;
    absl::StatusOr<std::optional<Response>> response = NextOf(log);
    if (!response.ok() || *response) {
      last_uid_ = log.sandbox_uid;
      return response;
    }
  }
  complete_ = !live;
  return std::nullopt;
}

absl::StatusOr<audit::LogReader*> AuditReading::ReaderOf(const AuditLogInfo& log) {
  std::unique_ptr<audit::LogReader>& reader = readers_[log.sandbox_uid];
  if (reader != nullptr) return reader.get();
  absl::StatusOr<UniqueFd> directory = audit::OpenLogDirectory(log.directory);
  if (!directory.ok()) return directory.status();
  audit::LogPosition position;
  if (const auto known = positions_.find(log.sandbox_uid); known != positions_.end()) {
    position = known->second;
  } else {
    position.next_sequence = cursor_.Get(log.sandbox_uid).value_or(0);
  }
  reader = std::make_unique<audit::LogReader>(*std::move(directory), position);
  reader->SkipBefore(since_);
  return reader.get();
}

absl::StatusOr<std::optional<Response>> AuditReading::NextOf(const AuditLogInfo& log) {
  const absl::StatusOr<audit::LogReader*> found = ReaderOf(log);
  if (absl::IsNotFound(found.status())) return std::nullopt;  // removed just now
  if (!found.ok()) return found.status();
  audit::LogReader* reader = *found;
  Response response;
  while (true) {
    absl::StatusOr<audit::LogItem> item = reader->Next();
    if (!item.ok()) return item.status();
    positions_[log.sandbox_uid] = reader->position();
    cursor_.Set(log.sandbox_uid, reader->position().next_sequence);
    if (std::holds_alternative<audit::EndForNow>(*item)) {
      readers_.erase(log.sandbox_uid);
      return std::nullopt;
    }
    if (const auto* lost = std::get_if<audit::Lost>(&*item)) {
      response.mutable_lost()->set_sandbox_id(log.sandbox_id);
      response.mutable_lost()->set_first_sequence(lost->first);
      response.mutable_lost()->set_last_sequence(lost->last);
      break;
    }
    auto* event = std::get_if<v1::AuditEvent>(&*item);
    if (event == nullptr || !Passes(*event)) continue;
    *response.mutable_event() = std::move(*event);
    break;
  }
  response.set_cursor(cursor_.ToText());
  return response;
}

}  // namespace sluice
