// A client of another language, on the lab's host: its own tests against the
// real server (CLIENT_TESTS), and its example (CLIENT_EXAMPLE). Both are shell
// commands, which find the server's address in SLUICE_SERVER.

#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"

namespace sluice::e2e {
namespace {

using testing::ContainsRegex;

constexpr uint8_t kSyn = 2;  // RFC 9293 section 3.1

class ClientSuiteTest : public E2eTest {
 protected:
  static lab::CommandResult Shell(const std::string& command) {
    setenv("SLUICE_SERVER", server().unix_address().c_str(), 1);
    const auto result = lab().RunInHost({"sh", "-c", command}, absl::Seconds(120));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(lab::CommandResult{.exit_code = -1, .out = "", .err = ""});
  }
};

TEST_F(ClientSuiteTest, ItsOwnTestsPass) {
  const char* const tests = getenv("CLIENT_TESTS");
  if (tests == nullptr) GTEST_SKIP() << "its tests are a target of their own";
  const lab::CommandResult result = Shell(tests);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

TEST_F(ClientSuiteTest, ItsExampleShowsWhatItSays) {
  const char* const example = getenv("CLIENT_EXAMPLE");
  ASSERT_NE(example, nullptr);
  const auto sniffer = Sniff(lab::Sniffer::Where::kLan);
  const lab::CommandResult result =
      Shell(absl::StrCat(example, " \"$SLUICE_SERVER\" http://web.example.com/hello 10.1.2.3:80"));
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, ContainsRegex("reached http://web.example.com/hello\n"
                                        "(.*\n)?refused http://10.1.2.3:80/\n"
                                        "(.*\n)*reached http://10.1.2.3:80/\n"
                                        "published port [0-9]+\n"
                                        "hello from inside the sandbox\n"
                                        "(.*\n)*ACTION_DENY 10.1.2.3:80, by default\n"
                                        "(.*\n)*ACTION_ALLOW 10.1.2.3:80, by rule-0\n"));
  // The refused one never came; the allowed one came once.
  const auto packets = sniffer->Packets({.protocol = IPPROTO_TCP, .destination = {}, .port = 80});
  ASSERT_TRUE(packets.ok()) << packets.status();
  EXPECT_EQ(std::count_if(packets->begin(), packets->end(), [](const auto& p) { return p.tcp_flags == kSyn; }), 1);
  const auto left = client().List({});
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_TRUE(left->empty());
}

}  // namespace
}  // namespace sluice::e2e
