#include "server/worker/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/clock.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

constexpr uint64_t kStopId = 0;
constexpr size_t kEventsATurn = 64;
// Between two turns.
constexpr int kPauseMs = 100;
// What a pipe holds, unless its worker asks the kernel for more (pipe(7)).
constexpr size_t kChunk = 64 << 10;

bool AddToEpoll(int epoll, int fd, uint64_t id) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = id}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerLog>> WorkerLog::Start(Sink sink) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!epoll.valid() || !stop.valid() || !AddToEpoll(epoll.get(), stop.get(), kStopId)) {
    return ErrnoError(errno, "read what workers say");
  }
  return std::unique_ptr<WorkerLog>(new WorkerLog(std::move(epoll), std::move(stop), std::move(sink)));
}

WorkerLog::WorkerLog(UniqueFd epoll, UniqueFd stop, Sink sink)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), sink_(std::move(sink)), thread_([this] { Loop(); }) {}

WorkerLog::~WorkerLog() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

absl::StatusOr<WorkerLog::Pipe> WorkerLog::Open(const std::string& name) {
  int ends[2];
  // O_NONBLOCK is each end's own: a worker that takes it off its end blocks itself alone.
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoError(errno, "pipe");
  Pipe pipe{.write_end = UniqueFd(ends[1]), .source = nullptr};
  const int read_end = ends[0];
  {
    const MutexLock lock(mutex_);
    const uint64_t id = ++last_id_;
    readings_[id] = {.name = name, .pipe = UniqueFd(read_end), .lines = {}};
    pipe.source = std::make_unique<Source>(*this, id);
    if (AddToEpoll(epoll_.get(), read_end, id)) return pipe;
  }
  return ErrnoError(errno, "read what a worker says");
}

void WorkerLog::Remove(uint64_t id) {
  const MutexLock lock(mutex_);
  Reading& reading = readings_.at(id);
  ReadOnce(reading);
  Write(reading, reading.lines.End(Clock::System().Monotonic()));
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, reading.pipe.get(), nullptr);
  readings_.erase(id);
}

void WorkerLog::Read(uint64_t id) {
  const MutexLock lock(mutex_);
  const auto found = readings_.find(id);
  if (found != readings_.end()) ReadOnce(found->second);
}

void WorkerLog::ReadOnce(Reading& reading) {
  std::array<char, kChunk> bytes;
  const ssize_t n = read(reading.pipe.get(), bytes.data(), bytes.size());
  const absl::Duration now = Clock::System().Monotonic();
  if (n > 0) Write(reading, reading.lines.Take({bytes.data(), static_cast<size_t>(n)}, now));
  if (n != 0) return;
  // Nobody has the other end any more; this one would stay readable.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, reading.pipe.get(), nullptr);
  Write(reading, reading.lines.End(now));
}

void WorkerLog::Write(const Reading& reading, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) sink_(absl::StrCat("worker ", reading.name, ": ", line));
}

void WorkerLog::Loop() {
  std::array<epoll_event, kEventsATurn> events;
  while (true) {
    const int n = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u64 == kStopId) return;
      Read(events[i].data.u64);
    }
    // Cut short by the end, which epoll_wait() then tells of.
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    poll(&stop, 1, kPauseMs);
  }
}

}  // namespace sluice
