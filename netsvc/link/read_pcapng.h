#ifndef SLUICE_NETSVC_LINK_READ_PCAPNG_H_
#define SLUICE_NETSVC_LINK_READ_PCAPNG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "netsvc/base/unique_fd.h"

namespace sluice::link {

// What a test reads out of pcapng blocks.
struct PcapngBlock {
  uint32_t type = 0;
  // Of a frame: the option's text, the bytes that were kept, how many there were.
  std::string comment;
  std::string kept;
  uint32_t size = 0;
  uint64_t drop_count = 0;
  uint32_t flags = 0;
  // Of statistics.
  uint64_t received = 0;
  uint64_t dropped = 0;
};

inline constexpr uint32_t kFrameBlock = 6;
inline constexpr uint32_t kStatisticsBlock = 5;

// Every block of `bytes`, which must be whole ones: anything else fails the test.
std::vector<PcapngBlock> ReadPcapng(absl::string_view bytes);

// Both ends of a socket that a capture may go to; `buffer`: bytes that may wait.
struct CaptureSocket {
  explicit CaptureSocket(int buffer = 1 << 20);

  // Every block that waits; `comments` of frames alone.
  std::vector<PcapngBlock> Read();
  std::vector<std::string> ReadComments();

  UniqueFd writer;
  UniqueFd reader;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_READ_PCAPNG_H_
