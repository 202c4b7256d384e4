// The services of the link: ARP, DHCP and neighbor discovery.

#include <gtest/gtest.h>

#include <string>

#include "netsvc/base/big_endian.h"
#include "netsvc/packet/sanitizer.h"
#include "netsvc/packet/sanitizer_fixture.h"
#include "netsvc/packet/test_frames.h"

namespace sluice::packet {
namespace {

constexpr absl::string_view kAllNodes = "[ff02::1]:0";
constexpr absl::string_view kAllRouters = "[ff02::2]:0";
constexpr absl::string_view kSolicitedNode = "[ff02::1:ff00:2]:0";

// The body of a neighbor solicitation or advertisement after its checksum.
Bytes NeighborBody(absl::string_view target, const Bytes& options = {}, uint32_t flags = 0) {
  Bytes body(4);
  Store32(body.data(), flags);
  const IpAddress address = Ip(target);
  body.insert(body.end(), address.bytes().begin(), address.bytes().end());
  body.insert(body.end(), options.begin(), options.end());
  return body;
}

Bytes NeighborFrame(absl::string_view source, absl::string_view destination, uint8_t type, const Bytes& body) {
  return Consistent(IcmpFrame(Between(source, destination), type, 0, body),
                    [](Bytes& frame) { frame[kIp + 7] = 255; });
}

const Bytes kSourceMacOption = {1, 1, 2, 0, 0, 0, 0, 1};

using SanitizerServicesTest = SanitizerTest;

TEST_F(SanitizerServicesTest, ArpSpeaksForTheGuestAlone) {
  const Bytes request = ArpFrame(1, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.2"));
  const struct {
    const char* what;
    Bytes frame;
    Verdict verdict;
  } kCases[] = {
      {"request", request, Verdict::kArp},
      {"reply", ArpFrame(2, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.2")), Verdict::kArp},
      {"probe", ArpFrame(1, GuestMac(), Ip("0.0.0.0"), Ip("10.0.2.15")), Verdict::kArp},
      {"announcement", ArpFrame(1, GuestMac(), Ip("10.0.2.15"), Ip("10.0.2.15")), Verdict::kArp},
      {"padded", Edited(request, [](Bytes& frame) { frame.resize(60); }), Verdict::kArp},
      {"reply from 0.0.0.0", ArpFrame(2, GuestMac(), Ip("0.0.0.0"), Ip("10.0.2.15")), Verdict::kMalformed},
      {"for the gateway", ArpFrame(2, GuestMac(), Ip("10.0.2.2"), Ip("10.0.2.15")), Verdict::kMalformed},
      {"for a neighbor", ArpFrame(1, GuestMac(), Ip("10.0.2.16"), Ip("10.0.2.2")), Verdict::kMalformed},
      {"sender's MAC", Edited(request, [](Bytes& frame) { frame[kIp + 13] ^= 2; }), Verdict::kMalformed},
      {"frame's MAC", Edited(request, [](Bytes& frame) { frame[11] ^= 2; }), Verdict::kMalformed},
      {"token ring", Edited(request, [](Bytes& frame) { frame[kIp + 1] = 6; }), Verdict::kMalformed},
      {"for IPv6", Edited(request, [](Bytes& frame) { Store16(&frame[kIp + 2], 0x86dd); }), Verdict::kMalformed},
      {"MAC size", Edited(request, [](Bytes& frame) { frame[kIp + 4] = 8; }), Verdict::kMalformed},
      {"IP size", Edited(request, [](Bytes& frame) { frame[kIp + 5] = 16; }), Verdict::kMalformed},
      {"RARP", Edited(request, [](Bytes& frame) { frame[kIp + 7] = 3; }), Verdict::kMalformed},
      {"cut", Edited(request, [](Bytes& frame) { frame.pop_back(); }), Verdict::kMalformed},
  };
  for (const auto& c : kCases) ExpectVerdict(c.frame, c.verdict, c.what);
  Process(Edited(request, [](Bytes& frame) { frame.resize(60); }));
  EXPECT_EQ(Process(request).packet.frame.size(), request.size());
}

TEST_F(SanitizerServicesTest, DhcpGoesToTheGatewayAlone) {
  const struct {
    const char* source;
    const char* destination;
    Verdict verdict;
  } kCases[] = {
      {"0.0.0.0:68", "255.255.255.255:67", Verdict::kDhcp},
      {"10.0.2.15:68", "255.255.255.255:67", Verdict::kDhcp},
      {"10.0.2.15:68", "10.0.2.2:67", Verdict::kDhcp},
      {"10.0.2.15:68", "10.0.2.3:67", Verdict::kPacket},  // the DNS alias is no DHCP server
      {"10.0.2.15:68", "8.8.8.8:67", Verdict::kPacket},   // nor is anybody else
      {"10.0.2.15:69", "255.255.255.255:67", Verdict::kPacket},
      {"10.0.2.15:68", "255.255.255.255:68", Verdict::kPacket},
      {"0.0.0.0:68", "8.8.8.8:67", Verdict::kMalformed},
      {"0.0.0.0:67", "255.255.255.255:68", Verdict::kMalformed},
      {"10.0.2.16:68", "255.255.255.255:67", Verdict::kMalformed},
      {"[fe80::15]:546", "[ff02::1:2]:547", Verdict::kDhcp},
      {"[fd00::15]:546", "[ff02::1:2]:547", Verdict::kDhcp},
      {"[::]:546", "[ff02::1:2]:547", Verdict::kMalformed},
      {"[fe80::15]:546", "[2001:db8::1]:547", Verdict::kUnsupported},
      {"[fd00::15]:546", "[2001:db8::1]:547", Verdict::kPacket},
      {"[fe80::15]:547", "[ff02::1:2]:546", Verdict::kUnsupported},
  };
  for (const auto& c : kCases) {
    ExpectVerdict(UdpFrame(Between(c.source, c.destination), DhcpMessage(GuestMac())), c.verdict,
                  std::string(c.source) + " to " + c.destination);
  }
}

// Each of many others would cost libslirp memory for good.
TEST_F(SanitizerServicesTest, DhcpIsOfTheGuestItself) {
  const Addressing broadcast = Between("0.0.0.0:68", "255.255.255.255:67");
  const Bytes own = DhcpMessage(GuestMac());
  Bytes cut = own, long_address = own;
  cut.resize(34);
  long_address[2] = 16;
  ExpectVerdict(UdpFrame(broadcast, own), Verdict::kDhcp, "the guest's");
  ExpectVerdict(UdpFrame(broadcast, DhcpMessage(Mac("02:00:00:00:00:99"))), Verdict::kMalformed, "another's");
  ExpectVerdict(UdpFrame(broadcast, cut), Verdict::kMalformed, "cut");
  ExpectVerdict(UdpFrame(broadcast, long_address), Verdict::kMalformed, "no MAC");
  ExpectVerdict(UdpFrame(broadcast, {}), Verdict::kMalformed, "empty");
}

TEST_F(SanitizerServicesTest, NeighborDiscoveryIsCheckedAsRfc4861Says) {
  const Bytes solicitation = NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, NeighborBody("fd00::2"));
  const struct {
    const char* what;
    Bytes frame;
    Verdict verdict;
  } kCases[] = {
      {"solicitation", solicitation, Verdict::kNeighborDiscovery},
      {"from link-local", NeighborFrame("[fe80::15]:0", kSolicitedNode, 135, NeighborBody("fd00::2", kSourceMacOption)),
       Verdict::kNeighborDiscovery},
      {"to the gateway itself", NeighborFrame("[fe80::15]:0", "[fe80::2]:0", 135, NeighborBody("fe80::2")),
       Verdict::kNeighborDiscovery},
      {"address detection", NeighborFrame("[::]:0", kSolicitedNode, 135, NeighborBody("fd00::15")),
       Verdict::kNeighborDiscovery},
      {"router solicitation", NeighborFrame("[fe80::15]:0", kAllRouters, 133, {0, 0, 0, 0}),
       Verdict::kNeighborDiscovery},
      {"router solicitation from ::", NeighborFrame("[::]:0", kAllRouters, 133, {0, 0, 0, 0}),
       Verdict::kNeighborDiscovery},
      {"advertisement", NeighborFrame("[fd00::15]:0", "[fd00::2]:0", 136, NeighborBody("fd00::15", {}, 0x40000000)),
       Verdict::kNeighborDiscovery},
      {"unsolicited", NeighborFrame("[fe80::15]:0", kAllNodes, 136, NeighborBody("fe80::15")),
       Verdict::kNeighborDiscovery},

      {"hop limit", Consistent(solicitation, [](Bytes& frame) { frame[kIp + 7] = 254; }), Verdict::kMalformed},
      {"code", Consistent(solicitation, [](Bytes& frame) { frame[kV6Transport + 1] = 1; }), Verdict::kMalformed},
      {"checksum", Edited(solicitation, [](Bytes& frame) { frame[kV6Transport + 2] ^= 1; }), Verdict::kMalformed},
      {"too short", NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, Bytes(19)), Verdict::kMalformed},
      {"multicast target", NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, NeighborBody("ff02::1")),
       Verdict::kMalformed},
      {"option of length 0",
       NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, NeighborBody("fd00::2", {1, 0, 2, 0, 0, 0, 0, 1})),
       Verdict::kMalformed},
      {"option past the end",
       NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, NeighborBody("fd00::2", {1, 2, 2, 0, 0, 0, 0, 1})),
       Verdict::kMalformed},
      {"half an option", NeighborFrame("[fd00::15]:0", kSolicitedNode, 135, NeighborBody("fd00::2", {1, 1, 2, 0})),
       Verdict::kMalformed},
      {"MAC address of ::", NeighborFrame("[::]:0", kSolicitedNode, 135, NeighborBody("fd00::15", kSourceMacOption)),
       Verdict::kMalformed},
      {"address detection by unicast", NeighborFrame("[::]:0", "[fd00::2]:0", 135, NeighborBody("fd00::15")),
       Verdict::kMalformed},
      {"advertisement from ::", NeighborFrame("[::]:0", kAllNodes, 136, NeighborBody("fd00::15")),
       Verdict::kMalformed},
      {"solicited and multicast",
       NeighborFrame("[fd00::15]:0", kAllNodes, 136, NeighborBody("fd00::15", {}, 0x40000000)), Verdict::kMalformed},
      {"advertisement of the gateway", NeighborFrame("[fd00::15]:0", kAllNodes, 136, NeighborBody("fd00::2")),
       Verdict::kMalformed},
      {"advertisement of another net", NeighborFrame("[fd00::15]:0", kAllNodes, 136, NeighborBody("2001:db8::1")),
       Verdict::kMalformed},
      {"from the gateway", NeighborFrame("[fd00::2]:0", kAllNodes, 135, NeighborBody("fd00::15")),
       Verdict::kMalformed},
      {"from elsewhere", NeighborFrame("[2001:db8::1]:0", kAllNodes, 135, NeighborBody("fd00::15")),
       Verdict::kMalformed},
      {"off the link", NeighborFrame("[fd00::15]:0", "[2001:db8::1]:0", 135, NeighborBody("fd00::2")),
       Verdict::kMalformed},
      {"to the whole site", NeighborFrame("[fd00::15]:0", "[ff05::1]:0", 135, NeighborBody("fd00::2")),
       Verdict::kMalformed},
  };
  for (const auto& c : kCases) ExpectVerdict(c.frame, c.verdict, c.what);
}

}  // namespace
}  // namespace sluice::packet
