#include "server/guest/io_thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <utility>

#include "netsvc/base/io.h"

namespace sluice {
namespace {

// Of a process that an earlier server started: someone else reaps it.
constexpr ProcessExit kUnknownExit = {.code = 255, .known = false};

}  // namespace

absl::StatusOr<std::unique_ptr<IoThread>> IoThread::Start() {
  absl::StatusOr<std::unique_ptr<EpollLoop>> loop = EpollLoop::Create();
  if (!loop.ok()) return loop.status();
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoError(errno, "eventfd");
  return std::unique_ptr<IoThread>(new IoThread(*std::move(loop), std::move(wake)));
}

IoThread::IoThread(std::unique_ptr<EpollLoop> loop, UniqueFd wake) : loop_(std::move(loop)), wake_(std::move(wake)) {
  wake_watch_ = loop_->Watch(wake_.get(), EPOLLIN, [this](uint32_t) { RunPosted(); });
  thread_ = std::thread([this] { Main(); });
}

IoThread::~IoThread() {
  Post([this] {
    const MutexLock lock(mutex_);
    stopping_ = true;
    loop_->Stop();
  });
  thread_.join();
}

void IoThread::Main() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  loop_->Run();
}

void IoThread::Post(std::function<void()> work) {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  posted_.push_back(std::move(work));
  if (posted_.size() == 1) eventfd_write(wake_.get(), 1);
}

void IoThread::RunPosted() {
  eventfd_t count;
  eventfd_read(wake_.get(), &count);
  std::vector<std::function<void()>> work;
  {
    const MutexLock lock(mutex_);
    work.swap(posted_);
  }
  for (std::function<void()>& task : work) {
    task();
    task = nullptr;
  }
}

void IoThread::ReapOnExit(UniqueFd pidfd, std::function<void(ProcessExit)> callback) {
  // std::function copies what it holds; a descriptor does not.
  auto fd = std::make_shared<UniqueFd>(std::move(pidfd));
  Post([this, fd, callback = std::move(callback)]() mutable {
    const auto reaping = reapings_.insert(reapings_.end(), {std::move(*fd), std::move(callback), nullptr});
    reaping->watch = loop_->Watch(reaping->pidfd.get(), EPOLLIN, [this, reaping](uint32_t) { Reap(reaping); });
  });
}

void IoThread::Reap(std::list<Reaping>::iterator reaping) {
  siginfo_t info{};
  const int result = waitid(P_PIDFD, static_cast<id_t>(reaping->pidfd.get()), &info, WEXITED | WNOHANG);
  if (result == 0 && info.si_pid == 0) return;
  const std::function<void(ProcessExit)> callback = std::move(reaping->callback);
  reaping->watch = nullptr;
  reapings_.erase(reaping);
  callback(result == 0 ? ToProcessExit(info) : kUnknownExit);
}

}  // namespace sluice
