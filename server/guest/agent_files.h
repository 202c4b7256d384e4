#ifndef SLUICE_SERVER_GUEST_AGENT_FILES_H_
#define SLUICE_SERVER_GUEST_AGENT_FILES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/guest/guest_agent.h"
#include "server/guest/guest_files.h"

namespace sluice {

// Files of a virtual machine, as its agent reaches them: with all rights, and paths
// mean what they mean there. What the agent has no command for takes /bin/sh and
// chmod, mkdir, mv, readlink, rm, rmdir and stat in the guest, busybox's or coreutils';
// FailedPrecondition, with the guest's words, where one is missing. What the guest
// says is not trusted.
class AgentFiles : public GuestFiles {
 public:
  // How long a guest may take for one step. DeadlineExceeded past that.
  static constexpr absl::Duration kTimeout = absl::Seconds(60);

  // `call` is held by it and by every reader and writer of its.
  AgentFiles(std::shared_ptr<GuestAgent> agent, std::shared_ptr<const void> call)
      : agent_(std::move(agent)), call_(std::move(call)) {}

  absl::StatusOr<std::unique_ptr<FileReader>> Read(const v1::ReadFileRequest& request) const override;
  absl::StatusOr<std::unique_ptr<FileWriter>> Write(const v1::WriteFileOpen& request) const override;
  absl::StatusOr<v1::FileInfo> Stat(const std::string& path) const override;
  absl::StatusOr<std::vector<v1::FileInfo>> List(const std::string& path) const override;
  absl::Status MakeDirectory(const v1::MakeDirectoryRequest& request) const override;
  // With what is mounted in a tree.
  absl::Status Remove(const std::string& path, bool recursive) const override;

 private:
  const std::shared_ptr<GuestAgent> agent_;
  const std::shared_ptr<const void> call_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_GUEST_AGENT_FILES_H_
