#include "netsvc/slirp/poll_set.h"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

// One harvest's worth; what is ready beyond it is found by the next.
constexpr int kMaxEvents = 512;

}  // namespace

absl::Status PollSet::Open() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  return epoll_.valid() ? absl::OkStatus() : ErrnoError(errno, "epoll_create1");
}

PollSet::Entry& PollSet::At(int fd) {
  const size_t index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(std::max(index + 1, entries_.size() * 2));
  return entries_[index];
}

void PollSet::Add(int fd, uint32_t events) {
  Entry& entry = At(fd);
  entry.round = round_;
  if (entry.registered == events) return;
  epoll_event event = {.events = events, .data = {.fd = fd}};
  const int operation = entry.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_.get(), operation, fd, &event) < 0) return;
  if (entry.registered == 0) registered_.push_back(fd);
  entry.registered = events;
}

void PollSet::End() {
  const auto unnamed = [this](int fd) {
    Entry& entry = At(fd);
    if (entry.registered == 0) return true;  // forgotten
    if (entry.round == round_) return false;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    entry.registered = 0;
    return true;
  };
  std::erase_if(registered_, unnamed);
}

void PollSet::Harvest() {
  epoll_event events[kMaxEvents];
  const int count = epoll_wait(epoll_.get(), events, kMaxEvents, 0);
  for (int i = 0; i < count; ++i) {
    Entry& entry = At(events[i].data.fd);
    entry.ready = events[i].events;
    entry.ready_round = round_;
  }
}

uint32_t PollSet::Ready(int fd) const {
  const size_t index = static_cast<size_t>(fd);
  if (index >= entries_.size()) return 0;
  const Entry& entry = entries_[index];
  return entry.ready_round == round_ ? entry.ready : 0;
}

void PollSet::Forget(int fd) {
  Entry& entry = At(fd);
  if (entry.registered != 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    std::erase(registered_, fd);
  }
  entry = {};
}

}  // namespace sluice
