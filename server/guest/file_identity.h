#ifndef SLUICE_SERVER_GUEST_FILE_IDENTITY_H_
#define SLUICE_SERVER_GUEST_FILE_IDENTITY_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"
#include "server/guest/guest_user.h"

namespace sluice {

// While it lives, the thread that made it acts on files as a guest's user, with
// no group beside the user's own: it may do what that user may, and owns what it
// makes. Other threads are as they were. Destroyed on its own thread.
class FileIdentity {
 public:
  explicit FileIdentity(const GuestUser& user);
  FileIdentity(const FileIdentity&) = delete;
  FileIdentity& operator=(const FileIdentity&) = delete;
  ~FileIdentity();

  // Internal where this process may not become the user; nothing may be done then.
  const absl::Status& status() const { return status_; }

 private:
  std::vector<gid_t> groups_;  // the thread's, before
  absl::Status status_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_FILE_IDENTITY_H_
