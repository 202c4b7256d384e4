#ifndef SLUICE_SERVER_CORE_BLOCK_LIST_FILE_H_
#define SLUICE_SERVER_CORE_BLOCK_LIST_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {

// Bytes. Four million names of the usual length are 100 MB.
inline constexpr size_t kMaxBlockListFile = 256 << 20;

// A block list as workers map it, and what became of its file's lines.
struct CompiledBlockList {
  UniqueFd image;              // a sealed memfd
  size_t image_bytes = 0;
  uint64_t names = 0;          // different ones
  uint64_t skipped_lines = 0;  // neither names nor comments
};

// Reads and compiles a file, in a second or so for a million names. Blocks. An
// error in words where it cannot be read, is no regular file, is larger than
// kMaxBlockListFile, has more names than a set takes, or has lines of which not
// one is a name: an error page is no block list. An empty file is an empty list.
absl::StatusOr<CompiledBlockList> CompileBlockList(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_BLOCK_LIST_FILE_H_
