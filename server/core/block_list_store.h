#ifndef SLUICE_SERVER_CORE_BLOCK_LIST_STORE_H_
#define SLUICE_SERVER_CORE_BLOCK_LIST_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "server/base/mutex.h"
#include "server/core/block_list_file.h"
#include "server/core/file_watcher.h"

namespace sluice {

// The block lists that the server was started with: compiled once each, shared by
// every sandbox that names them, compiled anew when their files change. A new
// version that CompileBlockList refuses leaves the old one in force, with an
// error in the log. Any thread.
class BlockListStore {
 public:
  // Memory is what bounds them: about 24 MB for a list of a million names.
  static constexpr size_t kMaxLists = 64;

  struct Source {
    std::string name;  // as API: DnsConfig.block_lists
    std::string path;
  };

  // No lists.
  BlockListStore() = default;

  // Compiles all of them. An error in words where one cannot be had: a server
  // does not start without what it was told to block.
  static absl::StatusOr<std::unique_ptr<BlockListStore>> Load(const std::vector<Source>& sources);

  // Once: follows the files. `on_change` runs on a thread of the store's each time
  // that a list has become another one; it does not block for long.
  void Follow(std::function<void(const std::string& name)> on_change);
  // Returns after the last on_change.
  void StopFollowing() { watcher_.reset(); }

  // A FieldError for the first of `names` that there is no list of.
  absl::Status Check(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& names) const;

  // The list as it is now; nullptr where there is none of that name.
  std::shared_ptr<const CompiledBlockList> Find(const std::string& name) const;

 private:
  void Reload(const Source& source, const std::function<void(const std::string& name)>& on_change);

  std::vector<Source> sources_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const CompiledBlockList>> lists_ GUARDED_BY(mutex_);
  std::unique_ptr<FileWatcher> watcher_;  // ends first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_BLOCK_LIST_STORE_H_
