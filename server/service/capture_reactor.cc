#include "server/service/capture_reactor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"
#include "netsvc/link/pcapng.h"
#include "server/service/status.h"

namespace sluice {
namespace {

// A frame of 64 KiB, its comment and what is around them.
constexpr size_t kMaxMessage = 128 << 10;
constexpr size_t kChunkSize = 256 << 10;  // past it a response has enough

}  // namespace

CaptureReactor* CaptureReactor::Start(const v1::CapturePacketsRequest& request, absl::StatusOr<Caller> caller,
                                      const Parts& parts) {
  std::shared_ptr<CaptureReactor> reactor(new CaptureReactor(std::move(caller), parts));
  reactor->self_ = reactor;
  reactor->Begin(request);
  return reactor.get();
}

void CaptureReactor::Begin(const v1::CapturePacketsRequest& request) {
  if (!caller_.ok()) return End(caller_.status());
  if (request.sandbox_id().empty()) return End(FieldError("sandbox_id", "is required"));
  if (parts_.open > kMaxCaptures) {
    return End(absl::ResourceExhaustedError(absl::StrCat("the server has ", kMaxCaptures, " captures already")));
  }
  parts_.start(request, *caller_, [self = shared_from_this()](absl::StatusOr<UniqueFd> socket) {
    self->OnStarted(std::move(socket));
  });
}

void CaptureReactor::OnStarted(absl::StatusOr<UniqueFd> socket) {
  if (!socket.ok()) return End(socket.status());
  socket_ = *std::move(socket);
  ReadSoon();
}

void CaptureReactor::ReadSoon() {
  parts_.io.Post([self = shared_from_this()] { self->Watch(); });
}

void CaptureReactor::Watch() {
  {
    const MutexLock lock(mutex_);
    if (ended_) return;
  }
  watch_ = parts_.io.loop().Watch(socket_.get(), EPOLLIN, [this](uint32_t) { Read(); });
}

void CaptureReactor::Read() {
  const std::shared_ptr<CaptureReactor> self = shared_from_this();
  response_.Clear();
  message_.resize(kMaxMessage);
  while (response_.pcapng().size() < kChunkSize && ReadMessage()) continue;
  if (!response_.pcapng().empty()) {
    watch_ = nullptr;
    return Write();
  }
  if (!over_) return;
  watch_ = nullptr;
  End(complete_ ? absl::OkStatus() : absl::UnavailableError("the sandbox's worker is gone, and its capture with it"));
}

bool CaptureReactor::ReadMessage() {
  const ssize_t n = recv(socket_.get(), message_.data(), message_.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // A message that is cut has no end that anyone would find: the capture is over.
  over_ = n <= 0 || static_cast<size_t>(n) > message_.size();
  if (over_) return false;
  const absl::string_view blocks(message_.data(), static_cast<size_t>(n));
  complete_ = link::IsStatistics(blocks);
  response_.mutable_pcapng()->append(blocks.data(), blocks.size());
  return true;
}

void CaptureReactor::Write() {
  const MutexLock lock(mutex_);
  if (!ended_) StartWrite(&response_);
}

void CaptureReactor::OnWriteDone(bool ok) {
  if (!ok) return End(absl::CancelledError("the caller is gone"));
  ReadSoon();
}

void CaptureReactor::OnCancel() { End(absl::CancelledError("the caller is gone")); }

void CaptureReactor::End(const absl::Status& status) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  Finish(ToGrpc(status));
}

void CaptureReactor::OnDone() {
  // Whoever is on the I/O thread first; then the socket closes, which ends the
  // worker's part.
  parts_.io.Post([self = std::move(self_)] { self->watch_ = nullptr; });
}

}  // namespace sluice
