#include "clients/cli/signal_watch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cstdint>
#include <utility>

namespace sluice::cli {
namespace {

sigset_t EndingSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGQUIT);
  return set;
}

}  // namespace

SignalWatch::SignalWatch() : stop_(eventfd(0, EFD_CLOEXEC)) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTTIN, SIG_IGN);
  const sigset_t set = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC));
  thread_ = std::thread([this] { Run(); });
}

SignalWatch::~SignalWatch() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

int SignalWatch::caught() const {
  const std::lock_guard lock(mutex_);
  return caught_;
}

void SignalWatch::OnSignal(std::function<void()> handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
  if (caught_ != 0 && handler_) handler_();
}

void SignalWatch::Run() {
  pollfd polled[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                     {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
    signalfd_siginfo info;
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return;
    const std::lock_guard lock(mutex_);
    if (caught_ != 0) continue;
    caught_ = static_cast<int>(info.ssi_signo);
    if (handler_) handler_();
  }
}

}  // namespace sluice::cli
