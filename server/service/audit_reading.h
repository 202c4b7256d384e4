#ifndef SLUICE_SERVER_SERVICE_AUDIT_READING_H_
#define SLUICE_SERVER_SERVICE_AUDIT_READING_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "netsvc/audit/cursor.h"
#include "netsvc/audit/log_reader.h"
#include "server/service/audit_directory.h"
#include "server/service/audit_filter.h"
#include "sluice/v1/audit_service.pb.h"

namespace sluice {

// One reader's way through the audit logs that it selected: which events come
// next, and where they are. It is told which logs there are and which have more;
// it looks at no others. Reads from disk as it is asked and holds no descriptor
// and no event between calls: what it keeps is a place in each log. One thread at
// a time, Selects aside; Next blocks for the disk.
class AuditReading {
 public:
  // Next returns after so many responses, or so many bytes of events, or a look
  // into so many logs.
  static constexpr size_t kMaxBatch = 64;
  static constexpr size_t kMaxBatchBytes = 256 << 10;
  static constexpr int kMaxLogsLookedAt = 16;

  // FieldError for a request that is wrong in itself, NotFound for an id that none
  // of `logs` bears. Logs of sandboxes without the labels of `scope` are not there.
  // Without follow, `logs` and what they hold now is all that is read.
  static absl::StatusOr<AuditReading> Start(const v1::StreamAuditEventsRequest& request,
                                            const std::vector<AuditLogInfo>& logs, const Labels& scope = {});

  // Any thread.
  bool Selects(const AuditLogInfo& log) const;

  // There is this log, or its info is another than before.
  void Put(const AuditLogInfo& log);
  void Remove(const std::string& uid);
  void Appended(const std::string& uid);

  struct Batch {
    std::vector<v1::StreamAuditEventsResponse> responses;
    bool more = false;  // more may be there already
  };
  absl::StatusOr<Batch> Next();

  // Will nothing ever follow, once Next has said that nothing more is there?
  bool IsComplete(absl::Time now) const;
  // Where a later call goes on.
  std::string cursor() const { return cursor_.ToText(); }
  absl::Time until() const { return until_; }

 private:
  struct Log {
    AuditLogInfo info;
    // Nothing: not looked at yet.
    std::optional<audit::LogPosition> position;
    audit::LogPosition end;  // where a reading that does not follow stops
    bool ready = false;      // in ready_
  };

  AuditReading(const v1::StreamAuditEventsRequest& request, CompiledAuditFilter filter, Labels scope);

  void MakeReady(Log& log);
  // Reads on in one log. True: more may be there.
  absl::StatusOr<bool> ReadLog(Log& log, Batch& batch);
  absl::Status FindStart(Log& log, int directory);
  // The response to an item; nothing for one that is passed over.
  std::optional<v1::StreamAuditEventsResponse> ToResponse(const Log& log, audit::LogItem item) const;
  bool Passes(const v1::AuditEvent& event) const;

  const v1::StreamAuditEventsRequest request_;
  const CompiledAuditFilter filter_;
  const Labels scope_;
  const std::set<std::string> ids_;
  absl::Time since_ = absl::InfinitePast();
  absl::Time until_ = absl::InfiniteFuture();
  audit::Cursor cursor_;
  std::map<std::string, Log> logs_;  // that are selected, by uid
  // Uids of the logs that may have more, in the order of their turns.
  std::deque<std::string> ready_;
  size_t live_logs_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_READING_H_
