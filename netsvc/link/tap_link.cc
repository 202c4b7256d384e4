#include "netsvc/link/tap_link.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <utility>

#include "netsvc/base/io.h"

namespace sluice::link {
namespace {

using packet::Offload;

// struct virtio_net_hdr_v1 of <linux/virtio_net.h>, which C++ cannot include:
// little-endian, as on this machine (virtio 1.2 section 5.1.6).
struct VnetHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t header_size;
  uint16_t segment_size;
  uint16_t checksum_start;
  uint16_t checksum_offset;
  uint16_t buffer_count;
};
constexpr uint8_t kNeedsChecksum = 1;
constexpr uint8_t kGsoTcpV4 = 1;
constexpr uint8_t kGsoTcpV6 = 4;
constexpr uint8_t kGsoEcn = 0x80;

constexpr size_t kHeaderSize = sizeof(VnetHeader);
constexpr size_t kSlotSize = kHeaderSize + packet::kMaxFrameSize;
// Eight of the largest frames, or a batch of small ones.
constexpr size_t kBufferSize = 8 * kSlotSize;

// Offsets of the checksum field in TCP and UDP headers.
constexpr uint16_t kTcpChecksumOffset = 16;

Offload FromHeader(const VnetHeader& header) {
  Offload offload;
  offload.partial_checksum = (header.flags & kNeedsChecksum) != 0;
  switch (header.gso_type & ~kGsoEcn) {
    case kGsoTcpV4:
      offload.segmentation = Offload::Segmentation::kTcpV4;
      break;
    case kGsoTcpV6:
      offload.segmentation = Offload::Segmentation::kTcpV6;
      break;
    default:
      break;
  }
  offload.segment_size = header.segment_size;
  return offload;
}

// The transport header's place follows from the IP header that we wrote.
VnetHeader ToHeader(std::span<const uint8_t> frame, const Offload& offload) {
  VnetHeader header = {};
  if (!offload.partial_checksum) return header;
  const bool ipv6 = frame[12] == 0x86;
  const size_t ip_header = ipv6 ? packet::kIpv6HeaderSize : size_t{frame[packet::kEthernetHeaderSize]} % 16 * 4;
  const size_t transport = packet::kEthernetHeaderSize + ip_header;
  header.flags = kNeedsChecksum;
  header.checksum_start = static_cast<uint16_t>(transport);
  header.checksum_offset = kTcpChecksumOffset;
  if (offload.segmentation == Offload::Segmentation::kNone) return header;
  header.gso_type = offload.segmentation == Offload::Segmentation::kTcpV6 ? kGsoTcpV6
                                                                          : kGsoTcpV4;
  header.segment_size = offload.segment_size;
  header.header_size = static_cast<uint16_t>(transport + frame[transport + 12] / 16 * 4);
  return header;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TapLink>> TapLink::Create(UniqueFd tap) {
  ifreq request = {};
  if (ioctl(tap.get(), TUNGETIFF, &request) < 0) return ErrnoError(errno, "the link is not a TAP");
  constexpr int kNeeded = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  int header_size = 0;
  if (ioctl(tap.get(), TUNGETVNETHDRSZ, &header_size) < 0) return ErrnoError(errno, "TUNGETVNETHDRSZ");
  if ((request.ifr_flags & kNeeded) != kNeeded || header_size != static_cast<int>(kHeaderSize)) {
    return absl::InvalidArgumentError("the TAP lacks IFF_NO_PI, IFF_VNET_HDR or a 12-byte header");
  }
  return std::unique_ptr<TapLink>(new TapLink(std::move(tap)));
}

TapLink::TapLink(UniqueFd tap) : tap_(std::move(tap)), buffer_(kBufferSize) {}

absl::StatusOr<std::span<packet::Frame>> TapLink::Read() {
  size_t count = 0;
  size_t used = 0;
  while (count < kMaxBatch && buffer_.size() - used >= kSlotSize) {
    const ssize_t n = read(tap_.get(), buffer_.data() + used, kSlotSize);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return ErrnoError(errno, "reading the TAP");
    }
    const size_t size = static_cast<size_t>(n);
    if (size <= kHeaderSize) continue;
    VnetHeader header;
    std::copy_n(buffer_.data() + used, kHeaderSize, reinterpret_cast<uint8_t*>(&header));
    frames_[count++] = {std::span(buffer_).subspan(used + kHeaderSize, size - kHeaderSize), FromHeader(header)};
    used += size;
  }
  counters_.frames_read += count;
  return std::span(frames_).first(count);
}

void TapLink::Write(std::span<const uint8_t> frame, const Offload& offload) {
  VnetHeader header = ToHeader(frame, offload);
  iovec parts[] = {{&header, kHeaderSize}, {const_cast<uint8_t*>(frame.data()), frame.size()}};
  ssize_t n;
  do {
    n = writev(tap_.get(), parts, 2);
  } while (n < 0 && errno == EINTR);
  ++(n < 0 ? counters_.frames_dropped : counters_.frames_written);
}

}  // namespace sluice::link
