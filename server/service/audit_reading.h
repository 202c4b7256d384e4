#ifndef SLUICE_SERVER_SERVICE_AUDIT_READING_H_
#define SLUICE_SERVER_SERVICE_AUDIT_READING_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/cursor.h"
#include "netsvc/audit/log_reader.h"
#include "server/service/audit_directory.h"
#include "server/service/audit_filter.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// One reader's way through the audit logs that it selected: which event comes
// next, and where it is. Reads the logs from disk as it is asked, and keeps none
// of them in memory. One thread at a time; blocks for the disk.
class AuditReading {
 public:
  // FieldError for a request that is wrong in itself, NotFound for an id that no
  // log bears. `directory` outlives it.
  static absl::StatusOr<AuditReading> Start(const v1::StreamAuditEventsRequest& request,
                                            const AuditDirectory& directory);

  // The next response, or nothing where nothing more is there now.
  absl::StatusOr<std::optional<v1::StreamAuditEventsResponse>> Next();

  // Will nothing ever follow, once Next has said that nothing is there?
  bool complete() const { return complete_; }
  // Where a later call goes on.
  std::string cursor() const { return cursor_.ToText(); }

 private:
  AuditReading(const v1::StreamAuditEventsRequest& request, const AuditDirectory& directory,
               CompiledAuditFilter filter);

  bool Selects(const AuditLogInfo& log) const;
  // What of one log comes next; nothing where nothing is there now.
  absl::StatusOr<std::optional<v1::StreamAuditEventsResponse>> NextOf(const AuditLogInfo& log);
  absl::StatusOr<audit::LogReader*> ReaderOf(const AuditLogInfo& log);
  bool Passes(const v1::AuditEvent& event) const;

  const v1::StreamAuditEventsRequest request_;
  const AuditDirectory& directory_;
  const CompiledAuditFilter filter_;
  const std::set<std::string> ids_;
  absl::Time since_ = absl::InfinitePast();
  absl::Time until_ = absl::InfiniteFuture();
  audit::Cursor cursor_;
  // By uid. Readers are kept open while they have something to give.
  std::map<std::string, audit::LogPosition> positions_;
  std::map<std::string, std::unique_ptr<audit::LogReader>> readers_;
  std::string last_uid_;  // whose turn it was
  bool complete_ = false;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_READING_H_
