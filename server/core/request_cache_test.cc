#include "server/core/request_cache.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "netsvc/base/field_error.h"

namespace sluice {
namespace {

class RequestCacheTest : public testing::Test {
 protected:
  // Runs `request`; `work` answers with `answer`, at once, and is counted.
  absl::StatusOr<std::string> Run(const std::string& key, const std::string& request,
                                  const absl::StatusOr<std::string>& answer) {
    absl::StatusOr<std::string> result = absl::UnknownError("no answer");
    cache_.Run(key, request, [&result](const auto& response) { result = response; },
               [&](RequestCache::Done finish, const RequestName& name) {
                 ++worked_;
                 finished_.push_back({.name = name, .response = answer.value_or(""), .at = clock_.Now()});
                 finish(answer);
               });
    return result;
  }

  FakeClock clock_;
  RequestCache cache_{clock_};
  int worked_ = 0;
  std::vector<FinishedRequest> finished_;
};

TEST_F(RequestCacheTest, GoesOnWhereAnEarlierServerEnded) {
  EXPECT_TRUE(Run("k", "request", "first").ok());
  clock_.Advance(absl::Minutes(40));
  RequestCache next(clock_);
  next.Load(finished_);
  const auto run = [&](const std::string& request) {
    absl::StatusOr<std::string> result = absl::UnknownError("no answer");
    next.Run("k", request, [&result](const auto& response) { result = response; },
             [](RequestCache::Done finish, const RequestName&) { finish(std::string("anew")); });
    return result;
  };
  EXPECT_EQ(*run("request"), "first");
  EXPECT_EQ(FieldOf(run("another").status()), "request_id");
  clock_.Advance(absl::Minutes(20));
  EXPECT_EQ(*run("request"), "anew");
}

TEST_F(RequestCacheTest, AnswersTheSameRequestAsBefore) {
  EXPECT_EQ(*Run("k", "request", "first"), "first");
  EXPECT_EQ(*Run("k", "request", "second"), "first");
  EXPECT_EQ(*Run("other", "request", "second"), "second");
  EXPECT_EQ(worked_, 2);
}

TEST_F(RequestCacheTest, RefusesAnotherRequestUnderTheSameName) {
  EXPECT_TRUE(Run("k", "request", "first").ok());
  EXPECT_EQ(FieldOf(Run("k", "another", "second").status()), "request_id");
  EXPECT_EQ(worked_, 1);
}

// Callers' names may be chosen by others: a certificate's, say.
TEST_F(RequestCacheTest, NoTwoRequestsShareAKey) {
  const std::set<std::string> keys = {RequestCache::Key("Create", "user 1", "r"), RequestCache::Key("Create", "user", "1 r"),
                                      RequestCache::Key("Create", "user 1\nr", ""), RequestCache::Key("Create", "", "r"),
                                      RequestCache::Key("Publish", "user 1", "r"), RequestCache::Key("Create", "user 1", "")};
  EXPECT_EQ(keys.size(), 6u);
}

TEST_F(RequestCacheTest, ForgetsFailuresAtOnceAndAnswersInTime) {
  EXPECT_TRUE(absl::IsInternal(Run("k", "request", absl::InternalError("no")).status()));
  EXPECT_EQ(*Run("k", "request", "second"), "second");
  clock_.Advance(RequestCache::kLifetime - absl::Seconds(1));
  EXPECT_EQ(*Run("k", "request", "third"), "second");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(*Run("k", "request", "third"), "third");
}

TEST_F(RequestCacheTest, MakesWhatComesMeanwhileWait) {
  RequestCache::Done finish;
  std::vector<std::string> answers;
  const auto note = [&answers](const absl::StatusOr<std::string>& response) {
    answers.push_back(response.ok() ? *response : std::string(response.status().message()));
  };
  cache_.Run("k", "request", note, [&finish](RequestCache::Done done, const RequestName&) { finish = std::move(done); });
  for (size_t i = 1; i < RequestCache::kMaxWaiting; ++i) {
    cache_.Run("k", "request", note, [](RequestCache::Done, const RequestName&) { FAIL() << "the first is under way"; });
  }
  EXPECT_TRUE(answers.empty());
  cache_.Run("k", "request", note, [](RequestCache::Done, const RequestName&) { FAIL(); });
  EXPECT_EQ(answers, std::vector<std::string>{"too many requests with this request_id wait already"});
  finish(absl::StatusOr<std::string>("done"));
  EXPECT_EQ(answers.size(), RequestCache::kMaxWaiting + 1);
  EXPECT_EQ(answers.back(), "done");
}

TEST_F(RequestCacheTest, ForgetsTheOldestWhereTheyAreTooMany) {
  for (size_t i = 0; i < RequestCache::kMaxResponses; ++i) {
    ASSERT_TRUE(Run(absl::StrCat("k", i), "request", "first").ok());
  }
  EXPECT_EQ(*Run("k0", "request", "second"), "first");
  ASSERT_TRUE(Run("one more", "request", "first").ok());
  EXPECT_EQ(*Run("k1", "request", "second"), "first");
  EXPECT_EQ(*Run("k0", "request", "second"), "second");
}

TEST_F(RequestCacheTest, ForgetsTheOldestWhereTheyAreTooLarge) {
  const std::string half(RequestCache::kMaxBytes / 2, 'x');
  ASSERT_TRUE(Run("a", "request", half).ok());
  ASSERT_TRUE(Run("b", "request", half).ok());
  ASSERT_TRUE(Run("c", "request", std::string("x")).ok());
  EXPECT_EQ(*Run("b", "request", "again"), half);
  EXPECT_EQ(*Run("a", "request", "again"), "again");
}

}  // namespace
}  // namespace sluice
