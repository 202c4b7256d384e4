#ifndef SLUICE_SERVER_STORE_STATE_STORE_H_
#define SLUICE_SERVER_STORE_STATE_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sluice/internal/v1/state.pb.h"

namespace sluice {

// One request that may be sent again.
struct RequestName {
  std::string key;          // its method, caller and request_id; empty: it may not
  std::string fingerprint;  // a digest of its content
};

// One that succeeded.
struct FinishedRequest {
  RequestName name;
  std::string response;  // serialized
  absl::Time at;
};

// What a server keeps, so that the next one can go on. Any thread; calls block.
//
// A change is durable, against a loss of power too, when the call returns; one
// that failed has changed nothing.
class StateStore {
 public:
  // What an earlier server left, in no order.
  struct Contents {
    std::vector<internal::v1::SandboxRecord> sandboxes;
    std::vector<FinishedRequest> requests;  // the oldest first
  };

  virtual ~StateStore() = default;

  // As it was when the store was opened. Once, before everything else.
  virtual Contents TakeContents() = 0;

  // A new sandbox, state CREATING. AlreadyExists where its uid was ever given out.
  virtual absl::Status Add(const internal::v1::SandboxRecord& record) = 0;
  // The sandbox is another one from now on, and `request` (null: none) has
  // succeeded, in one change.
  virtual absl::Status Update(const internal::v1::SandboxRecord& record, const FinishedRequest* request) = 0;
  // The sandbox is gone. OK where it is not there.
  virtual absl::Status Remove(const std::string& uid) = 0;

  // Was `uid` ever given to a sandbox, of an earlier server's too?
  virtual bool HasGivenOut(absl::string_view uid) = 0;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_STORE_STATE_STORE_H_
