#include "server/guest/file_identity.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice {
namespace {

// Of this thread alone: the C library's setgroups() changes every thread.
bool SetThreadGroups(const std::vector<gid_t>& groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// setfsuid() and setfsgid() say what was before, never whether they failed; an
// id that there is not changes nothing.
constexpr uid_t kNoChange = static_cast<uid_t>(-1);

bool Become(uid_t uid, gid_t gid) {
  setfsgid(gid);
  setfsuid(uid);
  return static_cast<gid_t>(setfsgid(kNoChange)) == gid && static_cast<uid_t>(setfsuid(kNoChange)) == uid;
}

}  // namespace

FileIdentity::FileIdentity(const GuestUser& user) {
  const int count = getgroups(0, nullptr);
  groups_.resize(count > 0 ? static_cast<size_t>(count) : 0);
  if (count < 0 || getgroups(count, groups_.data()) != count || !SetThreadGroups({}) || !Become(user.uid, user.gid)) {
    status_ = absl::InternalError("the server may not act on files as the guest's user");
  }
}

FileIdentity::~FileIdentity() {
  Become(geteuid(), getegid());
  SetThreadGroups(groups_);
}

}  // namespace sluice
