#include "server/core/request_cache.h"

#include <openssl/sha.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

std::string Digest(const std::string& bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

}  // namespace

std::string RequestCache::Key(absl::string_view method, absl::string_view caller, absl::string_view request_id) {
  // Neither the first part nor the last has a line break.
  return absl::StrCat(method, "\n", caller, "\n", request_id);
}

void RequestCache::Run(const std::string& key, const std::string& request, Done done,
                       const std::function<void(Done, const RequestName&)>& work) {
  const std::string fingerprint = Digest(request);
  std::optional<absl::StatusOr<std::string>> known;
  {
    const MutexLock lock(mutex_);
    DropOld();
    const auto [at, inserted] = entries_.try_emplace(key);
    Entry& entry = at->second;
    if (inserted) entry.fingerprint = fingerprint;
    if (entry.fingerprint != fingerprint) {
      known = FieldError("request_id", "was that of another request within the last hour");
    } else if (entry.finished) {
      known = entry.response;
    } else if (entry.waiting.size() >= kMaxWaiting) {
      known = absl::ResourceExhaustedError("too many requests with this request_id wait already");
    } else {
      entry.waiting.push_back(std::move(done));
      if (!inserted) return;
    }
  }
  if (known) return done(*known);
  work([this, key](const absl::StatusOr<std::string>& response) { Finish(key, response); },
       {.key = key, .fingerprint = fingerprint});
}

void RequestCache::Load(const std::vector<FinishedRequest>& requests) {
  const MutexLock lock(mutex_);
  for (const FinishedRequest& request : requests) {
    Entry& entry = entries_[request.name.key];
    if (entry.finished) continue;
    entry.fingerprint = request.name.fingerprint;
    entry.finished = true;
    entry.response = request.response;
    // A clock that was set back makes it younger, not older.
    entry.since = clock_.Monotonic() - std::max(clock_.Now() - request.at, absl::ZeroDuration());
    bytes_ += request.response.size();
    finished_.push_back(request.name.key);
  }
  DropOld();
}

void RequestCache::Finish(const std::string& key, const absl::StatusOr<std::string>& response) {
  std::vector<Done> waiting;
  {
    const MutexLock lock(mutex_);
    const auto at = entries_.find(key);
    waiting = std::move(at->second.waiting);
    if (response.ok()) {
      at->second.finished = true;
      at->second.response = *response;
      at->second.since = clock_.Monotonic();
      bytes_ += response->size();
      finished_.push_back(key);
      DropOld();
    } else {
      entries_.erase(at);
    }
  }
  for (const Done& done : waiting) done(response);
}

void RequestCache::DropOld() {
  const absl::Duration now = clock_.Monotonic();
  while (!finished_.empty()) {
    const auto oldest = entries_.find(finished_.front());
    const bool over = finished_.size() > kMaxResponses || bytes_ > kMaxBytes;
    if (!over && now - oldest->second.since < kLifetime) return;
    bytes_ -= oldest->second.response.size();
    entries_.erase(oldest);
    finished_.pop_front();
  }
}

}  // namespace sluice
