#ifndef SLUICE_SERVER_ACCESS_MEMORY_FILE_H_
#define SLUICE_SERVER_ACCESS_MEMORY_FILE_H_

#include <ctime>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// A file on no disk, for code of this process that wants a path and reads it again
// and again. One thread at a time replaces it, any may read.
class MemoryFile {
 public:
  // What Replace takes.
  static absl::StatusOr<UniqueFd> Prepare(absl::string_view bytes);
  // Its bytes are others at once: who has it open goes on with those before. Each
  // time with a modification time, in whole seconds, that it never had.
  absl::Status Replace(UniqueFd prepared);

  // Leads there while this lives. After the first Replace.
  std::string path() const;

 private:
  UniqueFd fd_;
  time_t version_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_MEMORY_FILE_H_
