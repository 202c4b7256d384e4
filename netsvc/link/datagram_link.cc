#include "netsvc/link/datagram_link.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <utility>

#include "netsvc/base/io.h"
#include "netsvc/base/pass_descriptor.h"

namespace sluice::link {
namespace {

// One byte more than any frame: what fills it was cut.
constexpr size_t kSlotSize = packet::kMaxFrameSize + 1;
constexpr size_t kBufferSize = 8 * kSlotSize;

sockaddr* Raw(sockaddr_un& address) { return reinterpret_cast<sockaddr*>(&address); }

}  // namespace

bool DatagramLink::Address::operator==(const Address& other) const {
  // One of a pair of sockets has no name; recvfrom(2) then says nothing at all.
  if (!named() || !other.named()) return named() == other.named();
  return size == other.size && memcmp(&name, &other.name, size) == 0;
}

absl::StatusOr<std::unique_ptr<DatagramLink>> DatagramLink::Create(UniqueFd feed) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoError(errno, "epoll_create1");
  epoll_event event = {.events = EPOLLIN, .data = {.fd = feed.get()}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, feed.get(), &event) < 0) return ErrnoError(errno, "epoll_ctl");
  return std::unique_ptr<DatagramLink>(new DatagramLink(std::move(feed), std::move(epoll)));
}

DatagramLink::DatagramLink(UniqueFd feed, UniqueFd epoll)
    : feed_(std::move(feed)), epoll_(std::move(epoll)), buffer_(kBufferSize) {}

void DatagramLink::Renew(UniqueFd feed) {
  if (!peer_.valid()) Watch(feed_, EPOLL_CTL_DEL, 0);
  feed_ = std::move(feed);
  if (!peer_.valid()) Watch(feed_, EPOLL_CTL_ADD, EPOLLIN);
}

absl::StatusOr<std::span<packet::Frame>> DatagramLink::Read() {
  if (peer_.valid() && !HasPeer()) Disconnect();
  if (!peer_.valid()) {
    if (const absl::Status status = TakePeer(); !status.ok()) return status;
  }
  if (!peer_.valid()) return std::span(frames_).first(0);
  if (awaits_room_) Flush();
  const absl::StatusOr<size_t> count = Receive();
  if (!count.ok()) return count.status();
  counters_.frames_read += *count;
  return std::span(frames_).first(*count);
}

absl::Status DatagramLink::TakePeer() {
  absl::StatusOr<UniqueFd> fd = TakeDescriptor(feed_);
  if (!fd.ok()) return fd.status();
  if (!fd->valid()) return absl::OkStatus();
  peer_ = *std::move(fd);
  Watch(feed_, EPOLL_CTL_DEL, 0);
  Watch(peer_, EPOLL_CTL_ADD, EPOLLIN);
  // One that came and went is followed by the next.
  if (!HasPeer()) Disconnect();
  return absl::OkStatus();
}

bool DatagramLink::HasPeer() {
  peer_address_ = Address();
  return getpeername(peer_.get(), Raw(peer_address_.name), &peer_address_.size) == 0;
}

void DatagramLink::Disconnect() {
  Watch(peer_, EPOLL_CTL_DEL, 0);
  peer_.reset();
  awaits_room_ = false;
  queue_.Clear();
  Watch(feed_, EPOLL_CTL_ADD, EPOLLIN);
}

absl::StatusOr<size_t> DatagramLink::Receive() {
  size_t count = 0;
  size_t used = 0;
  while (peer_.valid() && count < kMaxBatch && buffer_.size() - used >= kSlotSize) {
    Address sender;
    const ssize_t n = recvfrom(peer_.get(), &buffer_[used], kSlotSize, MSG_DONTWAIT, Raw(sender.name), &sender.size);
    if (n < 0 && errno == EAGAIN) break;
    // The error of a peer that has gone is told once.
    if (n < 0 && (errno == EINTR || errno == ECONNRESET || errno == ECONNREFUSED)) continue;
    if (n < 0) return ErrnoError(errno, "reading the VMM's socket");
    // Sent before the socket was the peer's alone.
    if (sender != peer_address_) {
      ++counters_.strangers;
      continue;
    }
    const size_t size = static_cast<size_t>(n);
    // vfkit and krunkit introduce themselves with the four bytes "VFKT".
    if (size < packet::kEthernetHeaderSize || size == kSlotSize) {
      ++counters_.bad_lengths;
      continue;
    }
    frames_[count++] = {std::span(buffer_).subspan(used, size), {}};
    used += size;
  }
  return count;
}

void DatagramLink::Write(std::span<const uint8_t> frame, const packet::Offload&) {
  const bool taken = peer_.valid() && queue_.Push(frame);
  ++(taken ? counters_.frames_written : counters_.frames_dropped);
}

void DatagramLink::Flush() {
  while (peer_.valid() && !queue_.empty()) {
    const std::span<const uint8_t> frame = queue_.front();
    const ssize_t n = send(peer_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0 || errno == EMSGSIZE) {
      queue_.Pop();
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      return AwaitRoom(true);
    } else if (errno != EINTR) {
      // It takes no more: another may come.
      const sockaddr nobody = {.sa_family = AF_UNSPEC, .sa_data = {}};
      connect(peer_.get(), &nobody, sizeof(nobody));
      return Disconnect();
    }
  }
  AwaitRoom(false);
}

void DatagramLink::AwaitRoom(bool wanted) {
  if (awaits_room_ == wanted || !peer_.valid()) return;
  awaits_room_ = wanted;
  Watch(peer_, EPOLL_CTL_MOD, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void DatagramLink::Watch(const UniqueFd& fd, int operation, uint32_t events) {
  epoll_event event = {.events = events, .data = {.fd = fd.get()}};
  epoll_ctl(epoll_.get(), operation, fd.get(), &event);
}

}  // namespace sluice::link
