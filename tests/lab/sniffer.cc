#include "tests/lab/sniffer.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/base/io.h"
#include "tests/lab/await.h"
#include "tests/lab/netns.h"

namespace sluice::lab {
namespace {

constexpr uint16_t kDiscardPort = 9;  // RFC 863.
constexpr int kReceiveBufferBytes = 64 << 20;
constexpr size_t kSnapBytes = 256;  // Headers, and all of a marker.
constexpr size_t kIpv4MinHeaderBytes = 20;
constexpr size_t kIpv6HeaderBytes = 40;
constexpr size_t kUdpHeaderBytes = 8;
constexpr size_t kTcpOffsetByte = 12;
constexpr size_t kTcpFlagsOffset = 13;

// Where a sniffer listens, and where a marker is sent so that it comes by.
struct Spot {
  Ns ns;
  const char* interface;
  IpAddress marker_address;  // Of that namespace; topology.sh.
};

Spot SpotOf(Sniffer::Where where) {
  switch (where) {
    case Sniffer::Where::kInternet: return {Ns::kInet, "sluicelab-host", IpAddress::V4(0xcb007001)};
    case Sniffer::Where::kLan: return {Ns::kLan, "sluicelab-host", IpAddress::V4(0x0a010002)};
    case Sniffer::Where::kHostLoopback: break;
  }
  return {Ns::kHost, "lo", IpAddress::V4(0x7f000001)};
}

// A socket that captures on `interface` of the calling thread's namespace.
absl::StatusOr<UniqueFd> OpenCapture(const char* interface) {
  // Protocol 0: nothing arrives before bind() has named the interface.
  UniqueFd fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoError(errno, "socket AF_PACKET");
  const int bytes = kReceiveBufferBytes;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    return ErrnoError(errno, "SO_RCVBUFFORCE");
  }
  const int on = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0) {
    return ErrnoError(errno, "SO_TIMESTAMPNS");
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (address.sll_ifindex == 0) return ErrnoError(errno, interface);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoError(errno, absl::StrCat("bind to ", interface));
  }
  return fd;
}

struct IpHeader {
  uint8_t protocol;
  IpAddress source;
  IpAddress destination;
  size_t size;
  size_t payload_size;  // As it was sent, however much of it was captured.
};

std::optional<IpHeader> ParseIpHeader(std::span<const uint8_t> bytes) {
  if (bytes.size() >= kIpv4MinHeaderBytes && bytes[0] >> 4 == 4) {
    const size_t size = size_t{4} * (bytes[0] & 0xf);
    return IpHeader{bytes[9], IpAddress::V4Bytes(bytes.subspan<12, 4>()),
                    IpAddress::V4Bytes(bytes.subspan<16, 4>()), size, Load16(&bytes[2]) - size};
  }
  if (bytes.size() >= kIpv6HeaderBytes && bytes[0] >> 4 == 6) {
    return IpHeader{bytes[6], IpAddress::V6Bytes(bytes.subspan<8, 16>()),
                    IpAddress::V6Bytes(bytes.subspan<24, 16>()), kIpv6HeaderBytes, Load16(&bytes[4])};
  }
  return std::nullopt;
}

size_t TransportHeaderSize(uint8_t protocol, std::span<const uint8_t> transport) {
  if (protocol != IPPROTO_TCP) return kUdpHeaderBytes;
  return transport.size() > kTcpOffsetByte ? size_t{4} * (transport[kTcpOffsetByte] >> 4) : 0;
}

// The packet at `bytes`; `*payload` is what follows its IP header.
std::optional<Sniffer::Packet> ParsePacket(std::span<const uint8_t> bytes, std::span<const uint8_t>* payload) {
  const std::optional<IpHeader> ip = ParseIpHeader(bytes);
  if (!ip.has_value() || ip->size > bytes.size()) return std::nullopt;
  *payload = bytes.subspan(ip->size);
  Sniffer::Packet packet{
      .protocol = ip->protocol, .source = {ip->source, 0}, .destination = {ip->destination, 0}, .time = {}};
  const bool has_ports = ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP;
  if (has_ports && payload->size() >= 4) {
    packet.source.port = Load16(payload->data());
    packet.destination.port = Load16(payload->data() + 2);
  }
  packet.has_data = has_ports && ip->payload_size > TransportHeaderSize(ip->protocol, *payload);
  if (ip->protocol == IPPROTO_TCP && payload->size() > kTcpFlagsOffset) packet.tcp_flags = (*payload)[kTcpFlagsOffset];
  return packet;
}

// The kernel's receive time, of SO_TIMESTAMPNS.
absl::Time TimeOf(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec time;
    std::memcpy(&time, CMSG_DATA(part), sizeof(time));
    return absl::TimeFromTimespec(time);
  }
  return absl::InfinitePast();
}

bool Matches(const Sniffer::Packet& packet, const Sniffer::Match& match) {
  return (!match.protocol || *match.protocol == packet.protocol) &&
         (!match.destination || *match.destination == packet.destination.address) &&
         (!match.port || *match.port == packet.destination.port) && (!match.with_data || packet.has_data);
}

}  // namespace

std::string Sniffer::Packet::ToString() const {
  return absl::StrCat("protocol ", protocol, " ", source.ToString(), " -> ", destination.ToString());
}

Sniffer::Sniffer(UniqueFd capture, UniqueFd sender, const Endpoint& marker_destination)
    : capture_(std::move(capture)), sender_(std::move(sender)), marker_destination_(marker_destination) {}

absl::StatusOr<std::unique_ptr<Sniffer>> Sniffer::Create(const Lab& lab, Where where) {
  const Spot spot = SpotOf(where);
  UniqueFd capture;
  absl::Status status = InNetns(lab.NetnsPath(spot.ns), [&]() -> absl::Status {
    absl::StatusOr<UniqueFd> opened = OpenCapture(spot.interface);
    if (opened.ok()) capture = *std::move(opened);
    return opened.status();
  });
  if (!status.ok()) return status;
  UniqueFd sender;
  status = InNetns(lab.NetnsPath(Ns::kHost), [&] {
    sender.reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return sender.valid() ? absl::OkStatus() : ErrnoError(errno, "socket");
  });
  if (!status.ok()) return status;
  return std::unique_ptr<Sniffer>(
      new Sniffer(std::move(capture), std::move(sender), Endpoint{spot.marker_address, kDiscardPort}));
}

absl::StatusOr<int> Sniffer::SendMarkers() const {
  sockaddr_storage to;
  const socklen_t to_size = marker_destination_.ToSockaddr(to);
  cpu_set_t before;
  if (sched_getaffinity(0, sizeof(before), &before) != 0) return ErrnoError(errno, "sched_getaffinity");
  const absl::Cleanup restore = [&] { sched_setaffinity(0, sizeof(before), &before); };
  const int processors = std::min<int>(CPU_SETSIZE, static_cast<int>(sysconf(_SC_NPROCESSORS_CONF)));
  int sent = 0;
  for (int i = 0; i < processors; ++i) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    // One that is off, or not ours, sends nothing else of ours either.
    if (sched_setaffinity(0, sizeof(one), &one) != 0) continue;
    if (sendto(sender_.get(), marker_.data(), marker_.size(), 0, reinterpret_cast<sockaddr*>(&to), to_size) < 0) {
      return ErrnoError(errno, "send a marker");
    }
    ++sent;
  }
  return sent;
}

bool Sniffer::IsMarker(const Packet& packet, std::span<const uint8_t> payload) const {
  if (packet.protocol != IPPROTO_UDP || packet.destination != marker_destination_) return false;
  if (payload.size() != kUdpHeaderBytes + marker_.size()) return false;
  return std::equal(marker_.begin(), marker_.end(), payload.begin() + kUdpHeaderBytes,
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

absl::StatusOr<bool> Sniffer::CaptureOne() {
  uint8_t bytes[kSnapBytes];
  sockaddr_ll from{};
  iovec data{bytes, sizeof(bytes)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t n = recvmsg(capture_.get(), &message, 0);
  if (n < 0) return errno == EAGAIN ? absl::UnavailableError("no packet") : ErrnoError(errno, "capture");
  if (from.sll_pkttype == PACKET_OUTGOING) return false;
  std::span<const uint8_t> payload;
  std::optional<Packet> packet = ParsePacket({bytes, static_cast<size_t>(n)}, &payload);
  if (!packet.has_value()) return false;  // ARP, for one.
  packet->time = TimeOf(message);
  if (IsMarker(*packet, payload)) return true;
  if (packets_.size() < kMaxPackets) {
    packets_.push_back(*packet);
  } else {
    lost_ = true;
  }
  return false;
}

absl::Status Sniffer::CheckNothingLost() {
  tpacket_stats stats{};
  socklen_t size = sizeof(stats);
  if (getsockopt(capture_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) {
    return ErrnoError(errno, "PACKET_STATISTICS");
  }
  if (stats.tp_drops > 0) lost_ = true;  // The kernel counts from zero again.
  return lost_ ? absl::DataLossError("the sniffer lost packets") : absl::OkStatus();
}

absl::Status Sniffer::Fence() {
  const absl::Time deadline = absl::Now() + kFenceTimeout;
  marker_ = absl::StrCat("sluice-lab-fence-", getpid(), "-", reinterpret_cast<uintptr_t>(this), "-", ++fences_);
  absl::StatusOr<int> missing = SendMarkers();
  if (!missing.ok()) return missing.status();
  while (*missing > 0) {
    const absl::StatusOr<bool> marker = CaptureOne();
    if (marker.ok()) {
      if (*marker) --*missing;
      continue;
    }
    if (!absl::IsUnavailable(marker.status())) return marker.status();
    if (absl::Status s = AwaitReadable(capture_.get(), deadline); !s.ok()) return s;
  }
  return CheckNothingLost();
}

absl::StatusOr<std::vector<Sniffer::Packet>> Sniffer::Packets(const Match& match) {
  if (absl::Status s = Fence(); !s.ok()) return s;
  std::vector<Packet> found;
  std::copy_if(packets_.begin(), packets_.end(), std::back_inserter(found),
               [&](const Packet& p) { return Matches(p, match); });
  return found;
}

absl::StatusOr<int> Sniffer::Count(const Match& match) {
  const absl::StatusOr<std::vector<Packet>> found = Packets(match);
  if (!found.ok()) return found.status();
  return static_cast<int>(found->size());
}

absl::StatusOr<std::vector<Sniffer::Packet>> Sniffer::Take() {
  if (absl::Status status = Fence(); !status.ok()) return status;
  return std::exchange(packets_, {});
}

absl::Status Sniffer::Reset() {
  const absl::Status fenced = Fence();
  if (!fenced.ok() && !absl::IsDataLoss(fenced)) return fenced;
  packets_.clear();
  lost_ = false;
  return absl::OkStatus();
}

}  // namespace sluice::lab
