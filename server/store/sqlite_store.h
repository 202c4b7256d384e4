#ifndef SLUICE_SERVER_STORE_SQLITE_STORE_H_
#define SLUICE_SERVER_STORE_SQLITE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/sqlite.h"
#include "server/store/state_store.h"

namespace sluice {

// A StateStore in one SQLite database, with a write-ahead log.
//
// Theory of operation: whoever comes to change something while another change is
// being written waits; the next to write writes all that wait in one transaction.
// So a sync of the disk (PRAGMA synchronous = FULL), some milliseconds, is shared
// by the changes that come meanwhile, and each is on the disk before its caller
// goes on.
class SqliteStore : public StateStore {
 public:
  // Past any of them the oldest finished requests are forgotten.
  static constexpr absl::Duration kRequestLifetime = absl::Hours(1);
  static constexpr int64_t kMaxRequests = 10'000;
  static constexpr int64_t kMaxRequestBytes = 64 << 20;  // of responses

  // Makes the database where it is missing, and brings an older one up to date.
  // FailedPrecondition, one sentence, where it is damaged, of a later version, or
  // cannot be used.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& path);

  Contents TakeContents() override { return std::exchange(contents_, {}); }
  absl::Status Add(const internal::v1::SandboxRecord& record) override;
  absl::Status Update(const internal::v1::SandboxRecord& record, const FinishedRequest* request) override;
  absl::Status Remove(const std::string& uid) override;
  bool HasGivenOut(absl::string_view uid) override;

 private:
  struct Statements {
    SqliteStatement add_uid;
    SqliteStatement find_uid;
    SqliteStatement put_sandbox;
    SqliteStatement remove_sandbox;
    SqliteStatement put_request;
    SqliteStatement drop_requests;
  };
  // One that waits to be written, or is.
  struct Change {
    std::function<absl::Status()> make;
    bool done = false;
    absl::Status status;
  };

  SqliteStore(Sqlite database, Statements statements)
      : database_(std::move(database)), statements_(std::move(statements)) {}

  static absl::StatusOr<std::unique_ptr<SqliteStore>> OpenDatabase(const std::string& path);
  static absl::StatusOr<Statements> Prepare(const Sqlite& database);
  absl::Status LoadSandboxes();
  absl::Status LoadRequests();

  // Returns once `make`, which runs on some thread in a transaction, is durable.
  absl::Status Write(std::function<absl::Status()> make);
  // What only the thread that writes does.
  void WriteBatch(const std::vector<Change*>& batch);
  absl::Status InTransaction(const std::function<absl::Status()>& work);
  absl::Status PutRequest(const FinishedRequest& request);

  // The writer's.
  const Sqlite database_;
  Statements statements_;
  Contents contents_;

  Mutex mutex_;
  CondVar written_;
  bool writing_ GUARDED_BY(mutex_) = false;
  std::vector<Change*> waiting_ GUARDED_BY(mutex_);
};

}  // namespace sluice

#endif  // SLUICE_SERVER_STORE_SQLITE_STORE_H_
