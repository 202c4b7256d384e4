#include "netsvc/link/tap_link.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <utility>

#include "netsvc/base/io.h"

namespace sluice::link {
namespace {

using packet::Offload;

constexpr size_t kHeaderSize = sizeof(virtio_net_hdr_v1);
constexpr size_t kSlotSize = kHeaderSize + packet::kMaxFrameSize;
// Eight of the largest frames, or a batch of small ones.
constexpr size_t kBufferSize = 8 * kSlotSize;

// Offsets of the checksum field in TCP and UDP headers.
constexpr uint16_t kTcpChecksumOffset = 16;

Offload FromHeader(const virtio_net_hdr_v1& header) {
  Offload offload;
  offload.partial_checksum = (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
  switch (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
      offload.segmentation = Offload::Segmentation::kTcpV4;
      break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
      offload.segmentation = Offload::Segmentation::kTcpV6;
      break;
    default:
      break;
  }
  offload.segment_size = header.gso_size;
  return offload;
}

// The transport header's place follows from the IP header that we wrote.
virtio_net_hdr_v1 ToHeader(std::span<const uint8_t> frame, const Offload& offload) {
  virtio_net_hdr_v1 header = {};
  if (!offload.partial_checksum) return header;
  const bool ipv6 = frame[12] == 0x86;
  const size_t ip_header = ipv6 ? packet::kIpv6HeaderSize : size_t{frame[packet::kEthernetHeaderSize]} % 16 * 4;
  const size_t transport = packet::kEthernetHeaderSize + ip_header;
  header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  header.csum_start = static_cast<uint16_t>(transport);
  header.csum_offset = kTcpChecksumOffset;
  if (offload.segmentation == Offload::Segmentation::kNone) return header;
  header.gso_type = offload.segmentation == Offload::Segmentation::kTcpV6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                                                          : VIRTIO_NET_HDR_GSO_TCPV4;
  header.gso_size = offload.segment_size;
  header.hdr_len = static_cast<uint16_t>(transport + frame[transport + 12] / 16 * 4);
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
    virtio_net_hdr_v1 header;
    std::copy_n(buffer_.data() + used, kHeaderSize, reinterpret_cast<uint8_t*>(&header));
    frames_[count++] = {std::span(buffer_).subspan(used + kHeaderSize, size - kHeaderSize), FromHeader(header)};
    used += size;
  }
  counters_.frames_read += count;
  return std::span(frames_).first(count);
}

void TapLink::Write(std::span<const uint8_t> frame, const Offload& offload) {
  virtio_net_hdr_v1 header = ToHeader(frame, offload);
  iovec parts[] = {{&header, kHeaderSize}, {const_cast<uint8_t*>(frame.data()), frame.size()}};
  ssize_t n;
  do {
    n = writev(tap_.get(), parts, 2);
  } while (n < 0 && errno == EINTR);
  ++(n < 0 ? counters_.frames_dropped : counters_.frames_written);
}

}  // namespace sluice::link
