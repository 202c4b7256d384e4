#include "netsvc/link/datagram_link.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <utility>

#include "netsvc/base/io.h"

namespace sluice::link {
namespace {

// One byte more than any frame: what fills it was cut.
constexpr size_t kSlotSize = packet::kMaxFrameSize + 1;
constexpr size_t kBufferSize = 8 * kSlotSize;

sockaddr* Raw(sockaddr_un& address) { return reinterpret_cast<sockaddr*>(&address); }
const sockaddr* Raw(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

bool DatagramLink::Address::operator==(const Address& other) const {
  return size == other.size && memcmp(&name, &other.name, size) == 0;
}

absl::StatusOr<std::unique_ptr<DatagramLink>> DatagramLink::Create(UniqueFd socket) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoError(errno, "epoll_create1");
  epoll_event event = {.events = EPOLLIN, .data = {.fd = socket.get()}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event) < 0) return ErrnoError(errno, "epoll_ctl");
  return std::unique_ptr<DatagramLink>(new DatagramLink(std::move(socket), std::move(epoll)));
}

DatagramLink::DatagramLink(UniqueFd socket, UniqueFd epoll)
    : socket_(std::move(socket)), epoll_(std::move(epoll)), buffer_(kBufferSize) {}

absl::StatusOr<std::span<packet::Frame>> DatagramLink::Read() {
  if (awaits_room_) Flush();
  size_t count = 0;
  size_t used = 0;
  while (count < kMaxBatch && buffer_.size() - used >= kSlotSize) {
    Address sender{.size = sizeof(sockaddr_un)};
    const ssize_t n =
        recvfrom(socket_.get(), &buffer_[used], kSlotSize, MSG_DONTWAIT, Raw(sender.name), &sender.size);
    if (n < 0 && errno == EAGAIN) break;
    // The error of a peer that has gone is told once.
    if (n < 0 && (errno == EINTR || errno == ECONNRESET || errno == ECONNREFUSED)) continue;
    if (n < 0) return ErrnoError(errno, "reading the VMM's socket");
    const size_t size = static_cast<size_t>(n);
    if (!IsFromPeer(sender)) {
      ++counters_.strangers;
      continue;
    }
    // vfkit and krunkit introduce themselves with the four bytes "VFKT".
    if (size < packet::kEthernetHeaderSize || size == kSlotSize) {
      ++counters_.bad_lengths;
      continue;
    }
    frames_[count++] = {std::span(buffer_).subspan(used, size), {}};
    used += size;
  }
  counters_.frames_read += count;
  return std::span(frames_).first(count);
}

bool DatagramLink::IsFromPeer(const Address& sender) {
  if (peer_ && *peer_ == sender) return true;
  if (!sender.named()) return false;
  int error = 0;
  if (peer_) {
    Connect(*peer_, error);
    const bool gone = error == ECONNREFUSED || error == ENOENT;
    if (!gone) return false;
    Forget();
  }
  peer_ = sender;
  room_ = Connect(sender, error);
  return true;
}

UniqueFd DatagramLink::Connect(const Address& address, int& error) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = 0;
  if (socket.valid() && connect(socket.get(), Raw(address.name), address.size) == 0) return socket;
  error = errno;
  return UniqueFd();
}

void DatagramLink::Forget() {
  AwaitRoom(false);
  room_.reset();
  peer_.reset();
  queue_.Clear();
}

void DatagramLink::Write(std::span<const uint8_t> frame, const packet::Offload&) {
  const bool taken = peer_ && queue_.Push(frame);
  ++(taken ? counters_.frames_written : counters_.frames_dropped);
}

void DatagramLink::Flush() {
  while (peer_ && !queue_.empty()) {
    const std::span<const uint8_t> frame = queue_.front();
    const ssize_t n = sendto(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             Raw(peer_->name), peer_->size);
    if (n >= 0 || errno == EMSGSIZE) {
      queue_.Pop();
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      return AwaitRoom(true);
    } else if (errno != EINTR) {
      return Forget();
    }
  }
  AwaitRoom(false);
}

void DatagramLink::AwaitRoom(bool wanted) {
  if (awaits_room_ == wanted) return;
  awaits_room_ = wanted;
  const bool own = !room_.valid();
  const int fd = own ? socket_.get() : room_.get();
  epoll_event event = {.events = own ? uint32_t{EPOLLIN} : 0, .data = {.fd = fd}};
  if (wanted) event.events |= EPOLLOUT;
  const int off = own ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
  const int on = own ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  epoll_ctl(epoll_.get(), wanted ? on : off, fd, &event);
}

}  // namespace sluice::link
