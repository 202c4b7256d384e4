#include "server/guest/fake_agent.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice {

using nlohmann::json;

FakeAgent::FakeAgent(Answer answer) : answer_(std::move(answer)) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) abort();
  own_ = UniqueFd(ends[0]);
  other_ = UniqueFd(ends[1]);
  thread_ = std::thread([this] { Serve(); });
}

FakeAgent::~FakeAgent() {
  Leave();
  thread_.join();
}

void FakeAgent::Leave() { shutdown(own_.get(), SHUT_RDWR); }

absl::StatusOr<UniqueFd> FakeAgent::Connect() {
  if (!other_.valid()) return absl::UnavailableError("gone");
  return std::move(other_);
}

void FakeAgent::Serve() {
  std::string heard(1 << 20, '\0');
  ssize_t n;
  while ((n = recv(own_.get(), heard.data(), heard.size(), 0)) > 0) {
    const size_t start = heard[0] == '\xff' ? 1 : 0;
    const json call = json::parse(heard.substr(start, static_cast<size_t>(n) - start));
    json reply = call["execute"] == "guest-sync-delimited" ? json{{"return", call["arguments"]["id"]}}
                                                           : answer_(call["execute"], call.value("arguments", json()));
    if (call.contains("id")) reply["id"] = call["id"];
    const std::string line = absl::StrCat(reply.dump(), "\n");
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t count = send(own_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }
}

}  // namespace sluice
