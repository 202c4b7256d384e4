#include "server/guest/json_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "netsvc/base/io.h"

namespace sluice {
namespace {

using nlohmann::json;

// What makes a parser of QEMU's start anew; no JSON has it.
constexpr char kFlush = '\xff';

// Whether `line`, its strings aside, is as small as what QEMU and its agent say.
// Values that are nested without end would overflow the stack of whoever copies or
// destroys them, and one of a byte or two takes many times that in memory.
bool IsModest(absl::string_view line) {
  int depth = 0;
  size_t values = 0;
  bool in_string = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > JsonSocket::kMaxDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && ++values > JsonSocket::kMaxValues) {
      return false;
    }
  }
  return true;
}

// Never throws, whatever comes: a line that is no object is an empty one.
json ParseObject(absl::string_view line) {
  if (!line.empty() && line.front() == kFlush) line.remove_prefix(1);
  if (!IsModest(line)) return json::object();
  json value = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return json::object();
  return value;
}

std::string Refusal(const json& error) {
  if (error.is_object()) {
    const auto description = error.find("desc");
    if (description != error.end() && description->is_string()) {
      return description->get_ref<const std::string&>().substr(0, JsonSocket::kMaxRefusal);
    }
  }
  return "it was refused";
}

}  // namespace

absl::StatusOr<json> JsonSocket::Call(absl::string_view command, const json& arguments, absl::Time deadline) {
  const uint64_t id = ++calls_;
  json request = {{"execute", command}, {"id", id}};
  if (!arguments.empty()) request["arguments"] = arguments;
  // What is not UTF-8 could not be sent in any case.
  const std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace);
  if (absl::Status status = SendLine(line, deadline); !status.ok()) return status;
  while (true) {
    const absl::StatusOr<std::string> answer = ReceiveLine(deadline);
    if (!answer.ok()) return answer.status();
    json object = ParseObject(*answer);
    if (object.find("id") == object.end() || object["id"] != id) continue;
    if (const auto error = object.find("error"); error != object.end()) {
      return absl::FailedPreconditionError(Refusal(*error));
    }
    return std::move(object["return"]);
  }
}

absl::Status JsonSocket::Synchronize(absl::Time deadline) {
  const uint32_t number = std::random_device()();
  const json request = {{"execute", "guest-sync-delimited"}, {"arguments", {{"id", number}}}};
  if (absl::Status status = SendLine(absl::StrCat(std::string(1, kFlush), request.dump()), deadline); !status.ok()) {
    return status;
  }
  while (true) {
    const absl::StatusOr<std::string> answer = ReceiveLine(deadline);
    if (!answer.ok()) return answer.status();
    const json object = ParseObject(*answer);
    const auto returned = object.find("return");
    if (returned != object.end() && *returned == number) return absl::OkStatus();
  }
}

absl::Status JsonSocket::SendLine(absl::string_view line, absl::Time deadline) {
  const std::string data = absl::StrCat(line, "\n");
  for (size_t sent = 0; sent < data.size();) {
    const ssize_t n = send(socket_.get(), data.data() + sent, data.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      if (absl::Status status = Await(POLLOUT, deadline); !status.ok()) return status;
    } else if (errno != EINTR) {
      return absl::UnavailableError("the other side has closed the connection");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> JsonSocket::ReceiveLine(absl::Time deadline) {
  constexpr size_t kChunk = 64 << 10;
  size_t searched = 0;
  while (true) {
    const size_t end = received_.find('\n', searched);
    if (end != received_.npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    searched = received_.size();
    if (searched > kMaxLine) return absl::UnavailableError("the other side's answer has no end");
    received_.resize(searched + kChunk);
    const ssize_t n = recv(socket_.get(), &received_[searched], kChunk, MSG_DONTWAIT);
    received_.resize(searched + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    if (n == 0 || errno != EAGAIN) return absl::UnavailableError("the other side has closed the connection");
    if (absl::Status status = Await(POLLIN, deadline); !status.ok()) return status;
  }
}

absl::Status JsonSocket::Await(short events, absl::Time deadline) const {
  pollfd fd = {.fd = socket_.get(), .events = events, .revents = 0};
  const absl::Duration left = deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no answer in time");
  const absl::Duration slice = std::min(absl::Ceil(left, absl::Milliseconds(1)), absl::Minutes(1));
  if (poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(slice))) < 0 && errno != EINTR) return ErrnoError(errno, "poll");
  return absl::OkStatus();
}

}  // namespace sluice
