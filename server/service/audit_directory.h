#ifndef SLUICE_SERVER_SERVICE_AUDIT_DIRECTORY_H_
#define SLUICE_SERVER_SERVICE_AUDIT_DIRECTORY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/core/labels.h"

namespace sluice {

// Where one sandbox's audit log is.
struct AuditLogInfo {
  std::string sandbox_id;
  std::string sandbox_uid;
  std::string directory;  // exists as long as the log is listed
  Labels labels;
  // False once nothing more will ever be written: the sandbox is deleted and its
  // last event is in the log.
  bool live = false;
};

// Which audit logs there are, those of deleted sandboxes included as long as
// they are kept. Two may have one id: the sandbox that has it now and one that
// had it before. Any thread.
class AuditDirectory {
 public:
  // Ends what it was returned for, when destroyed: once the destructor returns,
  // the callback does not run and will not run again.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };

  virtual ~AuditDirectory() = default;

  // Every log, in any order. From memory: it does not block.
  virtual std::vector<AuditLogInfo> Logs() const = 0;

  // `changed` runs after a log was added or removed, or anything in its info is
  // another, and ahead of the answer to the call that did it. On any thread,
  // under no lock that Logs() takes; it returns at once.
  virtual std::unique_ptr<Subscription> OnChange(std::function<void()> changed) = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_SERVICE_AUDIT_DIRECTORY_H_
