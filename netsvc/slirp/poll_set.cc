#include "netsvc/slirp/poll_set.h"

#include <algorithm>

namespace sluice {

PollSet::~PollSet() {
  for (const int fd : registered_) loop_.SetInterest(fd, At(fd).registered, 0);
}

PollSet::Entry& PollSet::At(int fd) {
  const size_t index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(std::max(index + 1, entries_.size() * 2));
  return entries_[index];
}

void PollSet::Add(int fd, uint32_t events) {
  Entry& entry = At(fd);
  entry.round = round_;
  if (entry.registered == events || !loop_.SetInterest(fd, entry.registered, events)) return;
  if (entry.registered == 0) registered_.push_back(fd);
  entry.registered = events;
}

void PollSet::End() {
  const auto unnamed = [this](int fd) {
    Entry& entry = At(fd);
    if (entry.registered == 0) return true;  // forgotten
    if (entry.round == round_) return false;
    loop_.SetInterest(fd, entry.registered, 0);
    entry.registered = 0;
    return true;
  };
  std::erase_if(registered_, unnamed);
}

void PollSet::OnReady(int fd, uint32_t events) {
  Entry& entry = At(fd);
  if (entry.registered == 0) return;  // forgotten since the wait
  entry.ready = events;
  entry.ready_round = round_;
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
    loop_.SetInterest(fd, entry.registered, 0);
    std::erase(registered_, fd);
  }
  entry = {};
}

}  // namespace sluice
