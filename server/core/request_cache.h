#ifndef SLUICE_SERVER_CORE_REQUEST_CACHE_H_
#define SLUICE_SERVER_CORE_REQUEST_CACHE_H_

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "netsvc/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/state_store.h"

namespace sluice {

// Makes requests safe to send again: one that bears the request_id of an
// earlier, successful one of the same caller gets that one's response, and one that
// comes while the first is under way waits for it. What failed may be tried anew.
// Any thread.
//
// It is in memory; whoever does a request's work puts its name and response into
// the StateStore together with what came of it, and a later server loads them.
class RequestCache {
 public:
  static constexpr absl::Duration kLifetime = absl::Hours(1);
  // Past either the oldest responses go.
  static constexpr size_t kMaxResponses = 10'000;
  static constexpr size_t kMaxBytes = 64 << 20;
  // Requests that wait for the same one; past it they are ResourceExhausted.
  static constexpr size_t kMaxWaiting = 64;

  using Done = std::function<void(const absl::StatusOr<std::string>& response)>;

  // `clock` outlives the cache.
  explicit RequestCache(const Clock& clock) : clock_(clock) {}

  // A request's name: no two of them share it unless method, caller and request_id
  // are the same. `method` and `request_id` are printable; `caller` is
  // Caller::name, any bytes.
  static std::string Key(absl::string_view method, absl::string_view caller, absl::string_view request_id);

  // `key`: by Key(). `request` is the request, serialized so that equal ones are
  // equal bytes.
  // Runs `work` with what it calls when it is done, and the request's name for the
  // store, unless an earlier request's response answers. FieldError of "request_id"
  // where that was another request.
  // `done` runs once, under no lock.
  void Run(const std::string& key, const std::string& request, Done done,
           const std::function<void(Done, const RequestName&)>& work);

  // What an earlier server answered, the oldest first. What one answered that named
  // no caller in its keys answers nobody.
  void Load(const std::vector<FinishedRequest>& requests);

 private:
  struct Entry {
    std::string fingerprint;
    std::vector<Done> waiting;  // while it is under way
    bool finished = false;
    std::string response;
    absl::Duration since;  // Clock::Monotonic(), once finished
  };

  void Finish(const std::string& key, const absl::StatusOr<std::string>& response);
  void DropOld() REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  std::deque<std::string> finished_ GUARDED_BY(mutex_);  // keys, the oldest first
  size_t bytes_ GUARDED_BY(mutex_) = 0;                  // of the responses
};

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_REQUEST_CACHE_H_
