#ifndef SLUICE_SERVER_STORE_SQLITE_H_
#define SLUICE_SERVER_STORE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// SQLite's C interface with owners and statuses.

namespace sluice {

// One prepared statement, used again and again. Columns and parameters are blobs
// and integers. One thread at a time; its connection outlives it.
class SqliteStatement {
 public:
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement, sqlite3_finalize) {}

  // Parameters count from 1. What `blob` refers to lives until Reset.
  SqliteStatement& Bind(int index, absl::string_view blob);
  SqliteStatement& Bind(int index, int64_t number);

  // Goes to the next row; false: there is none.
  absl::StatusOr<bool> Step();
  // For statements without rows: runs it and resets it.
  absl::Status Run();
  // Has to come after Step before it is bound again.
  void Reset();

  // Of the row that Step went to, from 0.
  std::string Blob(int column) const;
  int64_t Number(int column) const;

 private:
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
};

// One connection. One thread at a time.
class Sqlite {
 public:
  // Makes the file, mode 0600, where it is missing.
  static absl::StatusOr<Sqlite> Open(const std::string& path);

  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql) const;
  // Statements without parameters and rows.
  absl::Status Run(const std::string& sql) const;
  // The one number that a query has for an answer.
  absl::StatusOr<int64_t> Ask(const std::string& sql) const;

  // Runs those of `scripts` that this database has not seen, in order, each with
  // its number in one transaction: PRAGMA user_version is how many it has seen.
  // FailedPrecondition where it has seen more than there are.
  absl::Status Migrate(std::span<const char* const> scripts) const;

 private:
  explicit Sqlite(sqlite3* database) : database_(database, sqlite3_close) {}

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_STORE_SQLITE_H_
