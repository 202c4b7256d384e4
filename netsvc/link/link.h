#ifndef SLUICE_NETSVC_LINK_LINK_H_
#define SLUICE_NETSVC_LINK_LINK_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "netsvc/base/unique_fd.h"
#include "netsvc/packet/packet.h"

namespace sluice::link {

// The most frames that one read hands over. Draining this many for each turn of
// the loop nearly doubles keep-alive requests a second over one at a time.
inline constexpr size_t kMaxBatch = 64;

// Where the guest's frames come from and go to. One thread, the loop's; nothing
// here blocks.
class Link {
 public:
  struct Counters {
    uint64_t frames_read = 0;
    uint64_t frames_written = 0;
    // The guest did not take them: its queue was full.
    uint64_t frames_dropped = 0;
    // Of what a VMM sent: lengths that no frame has, and datagrams of others than
    // the one that is heard.
    uint64_t bad_lengths = 0;
    uint64_t strangers = 0;
  };

  virtual ~Link() = default;

  // To be watched for reading.
  virtual int fd() const = 0;

  // The frames that are waiting, at most kMaxBatch. They live until the next
  // call and may be changed in place. Fewer than kMaxBatch: fd() tells of the
  // next. An error: the link is gone.
  virtual absl::StatusOr<std::span<packet::Frame>> Read() = 0;

  // One frame to the guest, by the next Flush at the latest. A frame that the
  // guest's queue does not take is dropped and counted: TCP resends it, as on any
  // Ethernet.
  virtual void Write(std::span<const uint8_t> frame, const packet::Offload& offload) = 0;
  virtual void Flush() {}

  // Can the link segment TCP and fill in checksums on the guest's side? Where not,
  // Write takes no more than the guest's MTU, checksums complete.
  virtual bool offloads() const = 0;

  // Can it be taken from the guest and given back? A VMM that was disconnected
  // does not come again by itself.
  virtual bool removable() const { return true; }

  // From what a later server learns where the frames are: the TAP, the socket that
  // the VMM knows. The link's own; -1: there is none now.
  virtual int descriptor() const = 0;
  // For links that are not removable: the server has attached this one again. What
  // the guest has to do with stays; what the server feeds it through is another.
  virtual void Renew(UniqueFd) {}

  virtual const Counters& counters() const = 0;
};

}  // namespace sluice::link

#endif  // SLUICE_NETSVC_LINK_LINK_H_
