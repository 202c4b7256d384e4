// NetworkLimits: rates that are kept, budgets that end, and flows that are counted.

#include <netinet/in.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/e2e_test.h"
#include "tests/e2e/probes.h"
#include "tests/lab/process.h"

namespace sluice::e2e {
namespace {

constexpr char kWeb[] = "93.184.216.34";
constexpr char kFar[] = "198.35.26.96";
// TCP payload in a frame of 1514 bytes (RFC 7323 timestamps), and in its bytes.
constexpr double kPayloadShare = 1448.0 / 1514.0;
// A busy machine is slower than the limit, never faster.
constexpr double kSlack = 0.40;

class LimitsTest : public E2eTest {
 protected:
  std::string CreateLimited(absl::string_view limits) {
    return Create(absl::StrCat("guest { oci {} } network { limits { ", limits, " } }"));
  }

  // Bytes a second of a transfer of `bytes` to or from the web.
  static double Upload(const std::string& id, int bytes) {
    return Rate(id, FlowCases({"upload", kFar, absl::StrCat(bytes)}));
  }
  static double Download(const std::string& id) {
    return Rate(id, {"curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{size_download} %{time_total}",
                     absl::StrCat("http://", kWeb, "/big")});
  }
  static void ExpectShaped(double rate, double limit) {
    EXPECT_LE(rate, 1.05 * kPayloadShare * limit);
    EXPECT_GE(rate, (1 - kSlack) * kPayloadShare * limit);
  }

 private:
  static double Rate(const std::string& id, const Command& command) {
    const ExecResult result = Run(id, command);
    EXPECT_EQ(result.code, 0) << result.err;
    const size_t space = result.out.find(' ');
    double bytes = 0;
    double seconds = 1;
    EXPECT_TRUE(absl::SimpleAtod(result.out.substr(0, space), &bytes)) << result.out;
    EXPECT_TRUE(absl::SimpleAtod(result.out.substr(space + 1), &seconds)) << result.out;
    return bytes / seconds;
  }
};

TEST_F(LimitsTest, KeepsTheRateOfUploads) {
  const auto far_side = lab().Spawn(lab::Ns::kInet, FlowCases({"serve", kFar}));
  ASSERT_TRUE(far_side.ok()) << far_side.status();
  EXPECT_EQ((*far_side)->ReadLine(kEventTimeout).value_or("nothing"), "ready");
  ExpectShaped(Upload(CreateLimited("egress_bytes_per_second: 2000000"), 6'000'000), 2e6);
}

TEST_F(LimitsTest, KeepsTheRateOfDownloads) {
  ExpectShaped(Download(CreateLimited("ingress_bytes_per_second: 4000000")), 4e6);
}

TEST_F(LimitsTest, KeepsPacketsASecond) {
  const double packets = Download(CreateLimited("ingress_packets_per_second: 3000")) / 1448;
  EXPECT_LE(packets, 1.05 * 3000);
  EXPECT_GE(packets, (1 - kSlack) * 3000);
}

TEST_F(LimitsTest, ASpentBudgetEndsAndDenies) {
  const std::string id = CreateLimited("egress_bytes_total: 300000");
  EXPECT_EQ(Run(id, Curl(absl::StrCat("http://", kWeb, "/hello"))).code, 0);
  const auto sniffer = Sniff(lab::Sniffer::Where::kInternet);
  EXPECT_NE(Run(id, {"sh", "-c", absl::StrCat("head -c 5000000 /dev/zero | curl -sS --max-time 20 -H Expect: -T - http://",
                                              kWeb, "/upload")})
                .code,
            0);
  const v1::AuditEvent closed = AwaitEvent(id, [](const v1::AuditEvent& e) {
    return e.flow().phase() == v1::FlowEvent::PHASE_CLOSED && e.flow().end_cause() == v1::FlowEvent::END_CAUSE_ENDED;
  });
  EXPECT_EQ(closed.flow().verdict().reason(), v1::Verdict::REASON_LIMIT);
  EXPECT_LE(closed.flow().bytes_to_remote(), 300'000u);
  EXPECT_EQ(Run(id, Curl(absl::StrCat("http://", kWeb, ":81/"))).code, kCurlCannotConnect);
  AwaitEvent(id, Denied(kWeb, 81, v1::Verdict::REASON_LIMIT));
  EXPECT_EQ(Arrived(*sniffer, IPPROTO_TCP, kWeb, 81), 0);
}

TEST_F(LimitsTest, AFullFlowTableDeniesNewFlowsAndHarmsNoOther) {
  const std::string id = CreateLimited("max_flows: 8");
  const std::string program = R"(
import socket
held = []
for n in range(8):
  held.append(socket.create_connection(('198.35.26.96', 7), 5))
try:
  socket.create_connection(('198.35.26.96', 7), 5)
  print('connected')
except ConnectionRefusedError:
  print('refused')
for each in held:
  each.sendall(b'ping')
  each.settimeout(5)
print(b''.join(each.recv(4) for each in held).decode())
held.pop().close()
for _ in range(500):
  try:
    socket.create_connection(('198.35.26.96', 7), 5)
    print('again')
    break
  except ConnectionRefusedError:
    pass
)";
  EXPECT_EQ(Run(id, Python(program, {})).out, absl::StrCat("refused\n", "pingpingpingpingpingpingpingping", "\nagain\n"));
  AwaitEvent(id, Denied("198.35.26.96", 7, v1::Verdict::REASON_LIMIT));
}

}  // namespace
}  // namespace sluice::e2e
