#ifndef SLUICE_NETSVC_LINK_PCAPNG_H_
#define SLUICE_NETSVC_LINK_PCAPNG_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::link {

// Blocks of a pcapng file (draft-ietf-opsawg-pcapng) of one Ethernet interface,
// in this machine's byte order, appended to `out`. Times are told to the
// nanosecond. Option texts are cut at kMaxTextSize.

inline constexpr size_t kMaxTextSize = 1024;  // bytes

// The section's and the interface's headers: what a file begins with.
// `snapshot_bytes`: how much of each frame is kept; 0: all.
void AppendFileHeader(absl::string_view interface_name, uint32_t snapshot_bytes, std::string& out);

// As the guest's interface sees it (epb_flags).
enum class FrameDirection : uint32_t { kToGuest = 1, kFromGuest = 2 };

struct FrameRecord {
  absl::Time time;
  FrameDirection direction;
  std::span<const uint8_t> kept;  // the frame's first bytes
  size_t size = 0;                // of the whole frame
  absl::string_view comment;
  // Frames that are missing ahead of this one.
  uint64_t dropped = 0;
};
void AppendFrame(const FrameRecord& frame, std::string& out);

// How many frames there were, and how many of them the file lacks.
struct InterfaceStatistics {
  absl::Time time;
  uint64_t received = 0;
  uint64_t dropped = 0;
};
void AppendStatistics(const InterfaceStatistics& statistics, std::string& out);

// Does `blocks` begin with an interface's statistics?
bool IsStatistics(absl::string_view blocks);

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_PCAPNG_H_
