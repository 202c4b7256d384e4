#include "server/store/sqlite_store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

internal::v1::SandboxRecord Record(const std::string& uid, const std::string& message = "") {
  internal::v1::SandboxRecord record;
  record.mutable_sandbox()->set_uid(uid);
  record.mutable_sandbox()->set_state_message(message);
  return record;
}

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string directory = absl::StrCat(testing::TempDir(), "/sqlite_store");
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    fs::create_directories(directory);
    path_ = directory + "/state.db";
  }

  std::unique_ptr<SqliteStore> Open() {
    absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::string OpenError() {
    const absl::Status status = SqliteStore::Open(path_).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    return std::string(status.message());
  }
  // Runs `work` in a process that is killed when it has returned.
  template <typename Work>
  void RunAndKill(Work work) {
    const pid_t child = fork();
    if (child == 0) {
      work();
      raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  static FinishedRequest Finished(const std::string& key, absl::Time at, const std::string& response = "response") {
    return {.name = {.key = key, .fingerprint = "print"}, .response = response, .at = at};
  }

  std::string path_;
  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(SqliteStoreTest, KeepsWhatWasWrittenBeforeAKill) {
  RunAndKill([&] {
    const auto store = Open();
    const FinishedRequest request = Finished("key", now_);
    if (!store->Add(Record("one")).ok() || !store->Add(Record("two")).ok() ||
        !store->Update(Record("two", "changed"), &request).ok() || !store->Remove("one").ok()) {
      _exit(1);
    }
  });
  const StateStore::Contents contents = Open()->TakeContents();
  ASSERT_EQ(contents.sandboxes.size(), 1u);
  EXPECT_EQ(contents.sandboxes[0].sandbox().uid(), "two");
  EXPECT_EQ(contents.sandboxes[0].sandbox().state_message(), "changed");
  ASSERT_EQ(contents.requests.size(), 1u);
  EXPECT_EQ(contents.requests[0].name.key, "key");
  EXPECT_EQ(contents.requests[0].name.fingerprint, "print");
  EXPECT_EQ(contents.requests[0].response, "response");
  EXPECT_EQ(contents.requests[0].at, now_);
}

TEST_F(SqliteStoreTest, AKillAtAnyMomentLeavesWholeChangesAlone) {
  for (int round = 0; round < 10; ++round) {
    int started[2];
    ASSERT_EQ(pipe(started), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto store = Open();
      for (int i = 0; true; ++i) {
        const std::string uid = absl::StrCat(round, "-", i);
        const FinishedRequest request = Finished(uid, now_);
        if (!store->Add(Record(uid)).ok() || !store->Update(Record(uid, "ready"), &request).ok()) _exit(1);
        if (write(started[1], "x", 1) != 1) _exit(1);
      }
    }
    char byte;
    for (int i = 0; i <= round; ++i) ASSERT_EQ(read(started[0], &byte, 1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    close(started[0]);
    close(started[1]);
    const StateStore::Contents contents = Open()->TakeContents();
    int ready = 0;
    for (const auto& record : contents.sandboxes) {
      if (record.sandbox().state_message() == "ready") ++ready;
    }
    EXPECT_EQ(contents.requests.size(), static_cast<size_t>(ready));  // in one change
    EXPECT_GE(ready, round + 1);                                      // durable once it was said to be
  }
}

TEST_F(SqliteStoreTest, GivesAUidOutOnce) {
  ASSERT_TRUE(Open()->Add(Record("one")).ok());
  ASSERT_TRUE(Open()->Remove("one").ok());
  const auto store = Open();
  EXPECT_TRUE(absl::IsAlreadyExists(store->Add(Record("one"))));
  EXPECT_TRUE(store->HasGivenOut("one"));
  EXPECT_FALSE(store->HasGivenOut("two"));
  EXPECT_TRUE(Open()->TakeContents().sandboxes.empty());
}

TEST_F(SqliteStoreTest, WhatFailsInCompanyFailsAlone) {
  const auto store = Open();
  ASSERT_TRUE(store->Add(Record("taken")).ok());
  std::vector<std::thread> threads;
  std::vector<absl::Status> results(40);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = store->Add(Record(i % 4 == 0 ? "taken" : absl::StrCat("uid-", i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(absl::IsAlreadyExists(results[i]), i % 4 == 0) << results[i];
    EXPECT_EQ(results[i].ok(), i % 4 != 0) << results[i];
  }
  EXPECT_EQ(Open()->TakeContents().sandboxes.size(), 31u);
}

TEST_F(SqliteStoreTest, ForgetsRequestsInTimeAndByNumberOfBytes) {
  const auto store = Open();
  ASSERT_TRUE(store->Add(Record("one")).ok());
  const auto put = [&](const std::string& key, absl::Time at, size_t bytes) {
    const FinishedRequest request = Finished(key, at, std::string(bytes, 'x'));
    EXPECT_TRUE(store->Update(Record("one"), &request).ok());
  };
  const auto keys = [&] {
    std::string all;
    for (const FinishedRequest& request : Open()->TakeContents().requests) absl::StrAppend(&all, request.name.key, " ");
    return all;
  };
  put("old", now_, 1);
  put("young", now_ + absl::Minutes(1), 1);
  put("new", now_ + SqliteStore::kRequestLifetime + absl::Seconds(1), 1);
  EXPECT_EQ(keys(), "young new ");
  put("large", now_ + absl::Hours(1) + absl::Seconds(2), SqliteStore::kMaxRequestBytes - 1);
  EXPECT_EQ(keys(), "new large ");
  put("larger", now_ + absl::Hours(1) + absl::Seconds(3), SqliteStore::kMaxRequestBytes + 1);
  EXPECT_EQ(keys(), "larger ");
}

TEST_F(SqliteStoreTest, IsTheServersAlone) {
  ASSERT_NE(Open(), nullptr);
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SqliteStoreTest, RefusesALaterVersion) {
  ASSERT_NE(Open(), nullptr);
  ASSERT_TRUE(Sqlite::Open(path_)->Run("PRAGMA user_version = 1000").ok());
  EXPECT_TRUE(absl::StrContains(OpenError(), "is of version 1000, and this program knows versions up to"));
}

TEST_F(SqliteStoreTest, RefusesWhatIsDamaged) {
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_TRUE(absl::StrContains(OpenError(), "is damaged"));
}

TEST_F(SqliteStoreTest, RefusesADamagedPage) {
  {
    const auto store = Open();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(store->Add(Record(absl::StrCat("uid-", i), std::string(500, 'm'))).ok());
  }
  const auto pages = fs::file_size(path_) / 4096;
  ASSERT_GT(pages, 8u);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(pages / 2 * 4096));
  file << std::string(4096, '\xff');
  file.close();
  EXPECT_TRUE(absl::StrContains(OpenError(), "is damaged"));
}

TEST_F(SqliteStoreTest, RefusesARecordThatMakesNoSense) {
  ASSERT_NE(Open(), nullptr);
  ASSERT_TRUE(Sqlite::Open(path_)->Run("INSERT INTO sandboxes VALUES (x'01', x'ffffff')").ok());
  EXPECT_TRUE(absl::StrContains(OpenError(), "is damaged"));
}

TEST_F(SqliteStoreTest, MigratesStepByStepAndOnce) {
  constexpr const char* kFirst[] = {"CREATE TABLE t (a); INSERT INTO t VALUES (1)"};
  constexpr const char* kBoth[] = {kFirst[0], "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1"};
  constexpr const char* kWrong[] = {kBoth[0], kBoth[1], "INSERT INTO t VALUES (5, 5); INSERT INTO nowhere VALUES (1)"};
  const absl::StatusOr<Sqlite> database = Sqlite::Open(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(database->Migrate(kFirst).ok());
  ASSERT_TRUE(database->Migrate(kBoth).ok());
  ASSERT_TRUE(database->Migrate(kBoth).ok());
  EXPECT_EQ(*database->Ask("SELECT SUM(b) FROM t"), 2);
  // One that fails leaves the version before it.
  EXPECT_FALSE(database->Migrate(kWrong).ok());
  EXPECT_EQ(*database->Ask("PRAGMA user_version"), 2);
  EXPECT_EQ(*database->Ask("SELECT COUNT(*) FROM t"), 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(database->Migrate(kFirst)));
}

}  // namespace
}  // namespace sluice
