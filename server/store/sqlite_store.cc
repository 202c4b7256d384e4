#include "server/store/sqlite_store.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// What brings a database from each version to the next. Never changed, only added to.
constexpr const char* kMigrations[] = {
    // Uids are those that were ever given out, of sandboxes that are gone too.
    R"(CREATE TABLE uids (uid BLOB PRIMARY KEY) WITHOUT ROWID;
       CREATE TABLE sandboxes (uid BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
       CREATE TABLE requests (key BLOB PRIMARY KEY, fingerprint BLOB NOT NULL, response BLOB NOT NULL,
                              finished_nanos INTEGER NOT NULL) WITHOUT ROWID;
       CREATE INDEX requests_by_time ON requests (finished_nanos))",
};

// All but the newest: ?1 at most, of ?2 bytes together, none finished before ?3.
constexpr char kDropRequests[] = R"(
    DELETE FROM requests WHERE key IN (
      SELECT key FROM (SELECT key, finished_nanos, ROW_NUMBER() OVER newest AS place,
                              SUM(LENGTH(response)) OVER newest AS bytes
                       FROM requests WINDOW newest AS (ORDER BY finished_nanos DESC))
      WHERE place > 1 AND (place > ?1 OR bytes > ?2 OR finished_nanos < ?3)))";

absl::Status NotUsable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("the state database ", path, " ", why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = OpenDatabase(path);
  if (store.ok()) return store;
  const absl::string_view why = store.status().message();
  if (absl::IsDataLoss(store.status())) {
    return NotUsable(path, absl::StrCat("is damaged (", why, "): restore it from a backup, or move it away to start without the sandboxes in it"));
  }
  if (absl::IsFailedPrecondition(store.status())) return NotUsable(path, why);
  return NotUsable(path, absl::StrCat("cannot be used: ", why));
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::OpenDatabase(const std::string& path) {
  absl::StatusOr<Sqlite> database = Sqlite::Open(path);
  if (!database.ok()) return database.status();
  absl::Status status = database->Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  // Damage that shows only when a page is read would show in the middle of a call.
  if (status.ok()) {
    const absl::StatusOr<int64_t> sound = database->Ask("SELECT quick_check = 'ok' FROM pragma_quick_check(1)");
    status = sound.status();
    if (status.ok() && *sound == 0) status = absl::DataLossError("quick_check finds errors");
  }
  if (status.ok()) status = database->Migrate(kMigrations);
  if (!status.ok()) return status;
  absl::StatusOr<Statements> statements = Prepare(*database);
  if (!statements.ok()) return statements.status();
  std::unique_ptr<SqliteStore> store(new SqliteStore(*std::move(database), *std::move(statements)));
  status = store->LoadSandboxes();
  if (status.ok()) status = store->LoadRequests();
  if (!status.ok()) return status;
  return store;
}

absl::StatusOr<SqliteStore::Statements> SqliteStore::Prepare(const Sqlite& database) {
  auto add_uid = database.Prepare("INSERT INTO uids (uid) VALUES (?1)");
  auto find_uid = database.Prepare("SELECT 1 FROM uids WHERE uid = ?1");
  auto put_sandbox = database.Prepare("INSERT OR REPLACE INTO sandboxes (uid, record) VALUES (?1, ?2)");
  auto remove_sandbox = database.Prepare("DELETE FROM sandboxes WHERE uid = ?1");
  auto put_request = database.Prepare(
      "INSERT OR REPLACE INTO requests (key, fingerprint, response, finished_nanos) VALUES (?1, ?2, ?3, ?4)");
  auto drop_requests = database.Prepare(kDropRequests);
  for (const auto* statement : {&add_uid, &find_uid, &put_sandbox, &remove_sandbox, &put_request, &drop_requests}) {
    if (!statement->ok()) return statement->status();
  }
  return Statements{*std::move(add_uid),        *std::move(find_uid),    *std::move(put_sandbox),
                    *std::move(remove_sandbox), *std::move(put_request), *std::move(drop_requests)};
}

absl::Status SqliteStore::LoadSandboxes() {
  absl::StatusOr<SqliteStatement> rows = database_.Prepare("SELECT record FROM sandboxes");
  if (!rows.ok()) return rows.status();
  while (true) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    if (!contents_.sandboxes.emplace_back().ParseFromString(rows->Blob(0))) {
      return absl::DataLossError("a sandbox's record makes no sense");
    }
  }
}

absl::Status SqliteStore::LoadRequests() {
  absl::StatusOr<SqliteStatement> rows =
      database_.Prepare("SELECT key, fingerprint, response, finished_nanos FROM requests ORDER BY finished_nanos");
  if (!rows.ok()) return rows.status();
  while (true) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    FinishedRequest request{.name = {.key = rows->Blob(0), .fingerprint = rows->Blob(1)},
                            .response = rows->Blob(2),
                            .at = absl::FromUnixNanos(rows->Number(3))};
    contents_.requests.push_back(std::move(request));
  }
}

absl::Status SqliteStore::Add(const internal::v1::SandboxRecord& record) {
  const std::string& uid = record.sandbox().uid();
  const std::string bytes = record.SerializeAsString();
  return Write([&] {
    const absl::Status status = statements_.add_uid.Bind(1, uid).Run();
    return status.ok() ? statements_.put_sandbox.Bind(1, uid).Bind(2, bytes).Run() : status;
  });
}

absl::Status SqliteStore::Update(const internal::v1::SandboxRecord& record, const FinishedRequest* request) {
  const std::string bytes = record.SerializeAsString();
  return Write([&] {
    const absl::Status status = statements_.put_sandbox.Bind(1, record.sandbox().uid()).Bind(2, bytes).Run();
    return status.ok() && request != nullptr ? PutRequest(*request) : status;
  });
}

absl::Status SqliteStore::Remove(const std::string& uid) {
  return Write([&] { return statements_.remove_sandbox.Bind(1, uid).Run(); });
}

bool SqliteStore::HasGivenOut(absl::string_view uid) {
  bool found = false;
  const absl::Status asked = Write([&] {
    const absl::StatusOr<bool> row = statements_.find_uid.Bind(1, uid).Step();
    found = row.ok() && *row;
    statements_.find_uid.Reset();
    return row.status();
  });
  return asked.ok() && found;
}

absl::Status SqliteStore::PutRequest(const FinishedRequest& request) {
  const absl::Status put = statements_.put_request.Bind(1, request.name.key)
                               .Bind(2, request.name.fingerprint)
                               .Bind(3, request.response)
                               .Bind(4, absl::ToUnixNanos(request.at))
                               .Run();
  if (!put.ok()) return put;
  return statements_.drop_requests.Bind(1, kMaxRequests)
      .Bind(2, kMaxRequestBytes)
      .Bind(3, absl::ToUnixNanos(request.at - kRequestLifetime))
      .Run();
}

absl::Status SqliteStore::Write(std::function<absl::Status()> make) {
  Change change{.make = std::move(make), .done = false, .status = {}};
  std::vector<Change*> batch;
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(&change);
    while (writing_ && !change.done) written_.Wait(mutex_);
    if (change.done) return change.status;
    writing_ = true;
    batch.swap(waiting_);
  }
  WriteBatch(batch);
  {
    const MutexLock lock(mutex_);
    writing_ = false;
    for (Change* written : batch) written->done = true;
  }
  written_.NotifyAll();
  return change.status;
}

void SqliteStore::WriteBatch(const std::vector<Change*>& batch) {
  const absl::Status together = InTransaction([&batch] {
    for (const Change* change : batch) {
      if (const absl::Status status = change->make(); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  if (together.ok()) return;
  // One of them may be to blame; the others are not.
  for (Change* change : batch) change->status = InTransaction(change->make);
}

absl::Status SqliteStore::InTransaction(const std::function<absl::Status()>& work) {
  absl::Status status = database_.Run("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  status = work();
  if (status.ok()) status = database_.Run("COMMIT");
  // Where SQLite has done so itself, this says so and does nothing.
  if (!status.ok()) database_.Run("ROLLBACK").IgnoreError();
  return status;
}

}  // namespace sluice
