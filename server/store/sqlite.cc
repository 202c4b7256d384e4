#include "server/store/sqlite.h"

#include <fcntl.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"
#include "netsvc/base/unique_fd.h"

namespace sluice {
namespace {

// Somebody who makes a backup may hold it.
constexpr int kBusyMilliseconds = 5000;

absl::Status ToStatus(int code, sqlite3* database) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return absl::OkStatus();
  const char* const what = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  const std::string message = absl::StrCat("SQLite: ", what);
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

SqliteStatement& SqliteStatement::Bind(int index, absl::string_view blob) {
  // An index that is not there is a mistake in this program, which Step tells of.
  sqlite3_bind_blob64(statement_.get(), index, blob.data() == nullptr ? "" : blob.data(), blob.size(), SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int index, int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  const absl::Status status = ToStatus(code, sqlite3_db_handle(statement_.get()));
  if (!status.ok()) return status;
  return code == SQLITE_ROW;
}

absl::Status SqliteStatement::Run() {
  const absl::Status status = Step().status();
  Reset();
  return status;
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string SqliteStatement::Blob(int column) const {
  const char* const data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? "" : std::string(data, static_cast<size_t>(size));
}

int64_t SqliteStatement::Number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

absl::StatusOr<Sqlite> Sqlite::Open(const std::string& path) {
  // Ahead of SQLite, for the mode.
  const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoError(errno, absl::StrCat("open ", path));
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
  Sqlite opened(database);
  const absl::Status status = ToStatus(code, database);
  if (!status.ok()) return status;
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  return opened;
}

absl::StatusOr<SqliteStatement> Sqlite::Prepare(absl::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  const absl::Status status = ToStatus(code, database_.get());
  if (!status.ok()) return status;
  return SqliteStatement(statement);
}

absl::Status Sqlite::Run(const std::string& sql) const {
  return ToStatus(sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr), database_.get());
}

absl::StatusOr<int64_t> Sqlite::Ask(const std::string& sql) const {
  absl::StatusOr<SqliteStatement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::InternalError("SQLite: no answer");
  return statement->Number(0);
}

absl::Status Sqlite::Migrate(std::span<const char* const> scripts) const {
  const absl::StatusOr<int64_t> version = Ask("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version < 0 || static_cast<uint64_t>(*version) > scripts.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("is of version ", *version, ", and this program knows versions up to ", scripts.size()));
  }
  for (size_t i = static_cast<size_t>(*version); i < scripts.size(); ++i) {
    const absl::Status status =
        Run(absl::StrCat("BEGIN IMMEDIATE; ", scripts[i], "; PRAGMA user_version = ", i + 1, "; COMMIT"));
    if (status.ok()) continue;
    Run("ROLLBACK").IgnoreError();
    return status;
  }
  return absl::OkStatus();
}

}  // namespace sluice
