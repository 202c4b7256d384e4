#include "netsvc/link/captures.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::link {
namespace {

constexpr absl::string_view kReasonPrefix = "REASON_";

// 0 is the whole frame.
size_t Kept(size_t size, uint32_t snapshot_bytes) {
  return snapshot_bytes == 0 ? size : std::min<size_t>(size, snapshot_bytes);
}

}  // namespace

absl::Status Captures::Start(UniqueFd socket, Options options) {
  if (captures_.size() >= kMaxCaptures) {
    return absl::ResourceExhaustedError(absl::StrCat("the sandbox has ", kMaxCaptures, " captures already"));
  }
  std::string header;
  AppendFileHeader(options.interface_name, options.snapshot_bytes, header);
  if (send(socket.get(), header.data(), header.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    return absl::UnavailableError("the capture's reader is gone");
  }
  captures_.push_front({.socket = std::move(socket), .options = std::move(options), .watch = nullptr});
  const auto capture = captures_.begin();
  // The reader says nothing: what is ready is its end.
  capture->watch = loop_.Watch(capture->socket.get(), EPOLLIN | EPOLLRDHUP,
                               [this, capture](uint32_t) { OnReaderGone(capture); });
  return absl::OkStatus();
}

void Captures::OnReaderGone(std::list<Capture>::iterator capture) { captures_.erase(capture); }

void Captures::Finish() {
  for (Capture& capture : captures_) {
    std::string statistics;
    AppendStatistics({loop_.clock().Now(), capture.frames, capture.dropped}, statistics);
    send(capture.socket.get(), statistics.data(), statistics.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  captures_.clear();
  begun_ = false;
}

void Captures::Begin(FrameDirection direction, std::span<const uint8_t> frame, bool if_denied) {
  End();
  size_t wanted = 0;
  for (const Capture& capture : captures_) wanted = std::max(wanted, Kept(frame.size(), capture.options.snapshot_bytes));
  frame_.direction = direction;
  frame_.if_denied = if_denied;
  frame_.size = frame.size();
  frame_.kept.assign(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(wanted));
  begun_ = true;
}

std::string Captures::Comment(v1::Action action, absl::string_view reason) {
  return absl::StrCat("verdict=", action == v1::ACTION_DENY ? "DENY" : "ALLOW", " reason=", reason);
}

std::string Captures::Comment(const policy::Verdict& verdict, uint64_t flow_id) {
  const std::string reason = v1::Verdict::Reason_Name(verdict.reason).substr(kReasonPrefix.size());
  std::string comment = absl::StrCat(Comment(verdict.action, reason), " rule=", verdict.rule_id);
  if (flow_id != 0) absl::StrAppend(&comment, " flow=", flow_id);
  return comment;
}

void Captures::Tell(const policy::Verdict& verdict, uint64_t flow_id) {
  Tell(!verdict.allowed(), Comment(verdict, flow_id));
}

void Captures::Tell(bool denied, absl::string_view comment) {
  begun_ = false;
  if (frame_.if_denied && !denied) return;
  Write({.time = loop_.clock().Now(),
         .direction = frame_.direction,
         .kept = frame_.kept,
         .size = frame_.size,
         .comment = comment},
        denied);
}

void Captures::ToGuest(std::span<const uint8_t> frame, const policy::Verdict& verdict, uint64_t flow_id) {
  Write({.time = loop_.clock().Now(),
         .direction = FrameDirection::kToGuest,
         .kept = frame,
         .size = frame.size(),
         .comment = Comment(verdict, flow_id)},
        /*denied=*/false);
}

void Captures::ToGuest(std::span<const uint8_t> frame) {
  Write({.time = loop_.clock().Now(),
         .direction = FrameDirection::kToGuest,
         .kept = frame,
         .size = frame.size(),
         .comment = "verdict=ALLOW reason=SLUICE"},
        /*denied=*/false);
}

void Captures::Write(FrameRecord record, bool denied) {
  for (auto it = captures_.begin(); it != captures_.end();) {
    const auto capture = it++;
    if (capture->options.denied_only && !denied) continue;
    if (!Send(*capture, record)) captures_.erase(capture);
  }
}

bool Captures::Send(Capture& capture, FrameRecord record) {
  ++capture.frames;
  record.kept = record.kept.first(std::min(record.kept.size(), Kept(record.size, capture.options.snapshot_bytes)));
  record.dropped = capture.dropped_untold;
  message_.clear();
  AppendFrame(record, message_);
  if (capture.dropped_untold > 0) AppendStatistics({record.time, capture.frames, capture.dropped}, message_);
  if (send(capture.socket.get(), message_.data(), message_.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    capture.dropped_untold = 0;
    return true;
  }
  // ENOBUFS, EMSGSIZE: the kernel has no room for it either.
  if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return false;
  ++capture.dropped;
  ++capture.dropped_untold;
  return true;
}

}  // namespace sluice::link
