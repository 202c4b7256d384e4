#include "tests/lab/sniffer.h"

#include <sys/socket.h>

#include <memory>

#include "gtest/gtest.h"
#include "tests/lab/lab.h"
#include "tests/lab/netns.h"

namespace sluice::lab {
namespace {

using Where = Sniffer::Where;

IpAddress Ip(const char* text) { return IpAddress::Parse(text).value(); }

class SnifferTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto lab = Lab::Create();
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = std::move(lab)->release();
  }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }

  static std::unique_ptr<Sniffer> Sniff(Where where) {
    auto sniffer = Sniffer::Create(*lab_, where);
    EXPECT_TRUE(sniffer.ok()) << sniffer.status();
    return sniffer.ok() ? *std::move(sniffer) : nullptr;
  }

  // Sends `count` datagrams from the lab host.
  static void SendDatagrams(const Endpoint& to, int count) {
    const absl::Status sent = InNetns(lab_->NetnsPath(Ns::kHost), [&] {
      sockaddr_storage address;
      const socklen_t size = to.ToSockaddr(address);
      const UniqueFd fd(socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      for (int i = 0; i < count; ++i) {
        if (sendto(fd.get(), "hello", 5, 0, reinterpret_cast<sockaddr*>(&address), size) != 5) {
          return absl::InternalError("sendto");
        }
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(sent.ok()) << sent;
  }

  static Lab* lab_;
};

Lab* SnifferTest::lab_ = nullptr;

TEST_F(SnifferTest, CountsEveryDatagramThatWasSentBefore) {
  auto sniffer = Sniff(Where::kInternet);
  const Endpoint nobody{Ip("93.184.216.34"), 4444};
  for (int round = 1; round <= 50; ++round) {
    SendDatagrams(nobody, 20);
    EXPECT_EQ(sniffer->Count({IPPROTO_UDP, nobody.address, nobody.port}).value(), 20 * round);
  }
  EXPECT_EQ(sniffer->Count({IPPROTO_TCP, nobody.address, nobody.port}).value(), 0);
  EXPECT_EQ(sniffer->Count({IPPROTO_UDP, nobody.address, 4445}).value(), 0);
  EXPECT_EQ(sniffer->Count({IPPROTO_UDP, Ip("93.184.216.35"), std::nullopt}).value(), 0);
  // Its own markers are not counted.
  EXPECT_EQ(sniffer->Count({IPPROTO_UDP, std::nullopt, std::nullopt}).value(), 1000);
}

TEST_F(SnifferTest, SeesIpv6) {
  auto sniffer = Sniff(Where::kInternet);
  SendDatagrams({Ip("2606:2800:220:1::7"), 7}, 1);
  const auto packets = sniffer->Packets({.protocol = IPPROTO_UDP, .destination = {}, .port = 7}).value();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].source.address, Ip("2606:2800:300::7"));
}

TEST_F(SnifferTest, TellsTheLanFromTheInternet) {
  auto lan = Sniff(Where::kLan);
  auto inet = Sniff(Where::kInternet);
  SendDatagrams({Ip("10.1.2.3"), 7}, 1);
  EXPECT_EQ(lan->Count({IPPROTO_UDP, Ip("10.1.2.3"), 7}).value(), 1);
  EXPECT_EQ(inet->Count({IPPROTO_UDP, Ip("10.1.2.3"), 7}).value(), 0);
}

TEST_F(SnifferTest, SeesTheHostsLoopback) {
  auto sniffer = Sniff(Where::kHostLoopback);
  SendDatagrams({Ip("127.0.0.1"), 4444}, 3);
  EXPECT_EQ(sniffer->Count({IPPROTO_UDP, Ip("127.0.0.1"), 4444}).value(), 3);
}

TEST_F(SnifferTest, SeesAPacketThatNobodyAnswers) {
  auto sniffer = Sniff(Where::kInternet);
  const auto result = lab_->RunInHost({"curl", "--silent", "--max-time", "0.2", "http://4.4.4.4/"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NE(result->exit_code, 0);
  EXPECT_GE(sniffer->Count({IPPROTO_TCP, Ip("4.4.4.4"), 80}).value(), 1);
}

TEST_F(SnifferTest, ForgetsWhenReset) {
  auto sniffer = Sniff(Where::kInternet);
  SendDatagrams({Ip("1.2.3.4"), 5}, 1);
  ASSERT_TRUE(sniffer->Reset().ok());
  EXPECT_EQ(sniffer->Count({}).value(), 0);
}

}  // namespace
}  // namespace sluice::lab
