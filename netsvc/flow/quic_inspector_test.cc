#include "netsvc/flow/quic_inspector.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "netsvc/flow/test_client_hello.h"
#include "netsvc/flow/test_quic.h"

namespace sluice::flow {
namespace {

const Bytes kOtherId = {1, 2, 3, 4, 5, 6, 7, 8};

Bytes Hex(const std::string& text) { return AsBytes(absl::HexStringToBytes(text)); }

Inspection Named(const std::string& name) { return Inspection::Named(DomainName::FromText(name).value()); }

Bytes Slice(const Bytes& bytes, size_t begin, size_t end) {
  return Bytes(bytes.begin() + static_cast<ptrdiff_t>(begin), bytes.begin() + static_cast<ptrdiff_t>(end));
}

Bytes Hello(const std::string& name) { return RealHandshake({.server_name = name, .alpn = {"h3"}}); }

// The whole hello in one packet.
Bytes Datagram(const std::string& name, const Bytes& destination_id = InitialPacket().destination_id) {
  return Seal({.destination_id = destination_id, .frames = CryptoFrame(0, Hello(name))});
}

struct Vector {
  QuicVersion version;
  SealingKeys keys;
  std::string sample;  // the bytes after the packet number
  std::string tag;     // the last bytes of the packet
};

const std::vector<Vector> kVectors = {
    // RFC 9001 appendix A.1 and A.2.
    {QuicVersion::kV1,
     {Hex("1f369613dd76d5467730efcbe3b1a22d"), Hex("fa044b2f42a3fd3b46fb255c"), Hex("9f50449e04a0e810283a1e9933adedd2")},
     "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
     "e221af44860018ab0856972e194cd934"},
    // RFC 9369 appendix A.1 and A.2.
    {QuicVersion::kV2,
     {Hex("8b1a0bc121284290a29e0971b5cd045d"), Hex("91f73e2351d8fa91660e909f"), Hex("45b95e15235d6f45a6b19cbcb0294ba9")},
     "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
     "a18b2faa745b6fe189cf772a9f84cbfc"},
};

// Both appendices seal this frame.
const Bytes kVectorFrame =
    Hex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
        "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
        "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
        "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
        "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
        "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
        "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
        "75300901100f088394c8f03e51570806048000ffff");

TEST(QuicInspectorTest, ThePacketsOfTheRfcs) {
  for (const Vector& vector : kVectors) {
    const Bytes packet =
        Seal({.version = vector.version, .number = 2, .frames = kVectorFrame, .keys = vector.keys});
    ASSERT_EQ(packet.size(), 1200u);
    ASSERT_EQ(Slice(packet, 0, 38), Hex(vector.sample));
    ASSERT_EQ(Slice(packet, 1184, 1200), Hex(vector.tag));
    EXPECT_EQ(QuicInspector().OnDatagram(packet), Named("example.com"));
  }
}

TEST(QuicInspectorTest, AHelloOfManyPiecesIsPutTogether) {
  const Bytes hello = Hello("web.example.com");
  // Backwards, in four datagrams, among frames of every kind that may stand there.
  const Bytes around = Joined({{1, 0, 0, 2, 5}, QuicInteger(300), {1, 0, 1, 1, 3, 5, 0, 0, 0, 7, 8, 9}});
  QuicInspector inspector;
  const size_t quarter = hello.size() / 4;
  for (size_t piece = 4; piece > 0; --piece) {
    const Bytes bytes = Slice(hello, (piece - 1) * quarter, piece == 4 ? hello.size() : piece * quarter);
    const Inspection inspection = inspector.OnDatagram(
        Seal({.number = 4 - piece, .frames = Joined({around, CryptoFrame((piece - 1) * quarter, bytes), around})}));
    EXPECT_EQ(inspection, piece == 1 ? Named("web.example.com") : Inspection::Undecided()) << piece;
  }
  EXPECT_EQ(inspector.held(), hello.size());
}

TEST(QuicInspectorTest, PiecesMayOverlapWhereTheyAgree) {
  const Bytes hello = Hello("web.example.com");
  QuicInspector inspector;
  EXPECT_TRUE(inspector.OnDatagram(Seal({.frames = CryptoFrame(0, Slice(hello, 0, 100))})).undecided());
  Bytes rest = Slice(hello, 50, hello.size());
  EXPECT_EQ(inspector.OnDatagram(Seal({.number = 1, .frames = CryptoFrame(50, rest)})), Named("web.example.com"));
  EXPECT_EQ(inspector.OnDatagram(Seal({.number = 2, .frames = CryptoFrame(50, rest)})), Named("web.example.com"));
  rest[3] ^= 1;
  EXPECT_EQ(inspector.OnDatagram(Seal({.number = 3, .frames = CryptoFrame(50, rest)})), Inspection::Unreadable());
  EXPECT_EQ(inspector.OnDatagram(Datagram("web.example.com")), Inspection::Unreadable());
}

TEST(QuicInspectorTest, EveryByteOfAHelloMayComeAlone) {
  const Bytes hello = Handshake({.extensions = {ServerName({"a.test"})}});
  QuicInspector inspector;
  for (size_t at = 0; at < hello.size(); ++at) {
    const Inspection inspection = inspector.OnDatagram(
        Seal({.number = at, .number_size = 1 + at % 4, .frames = CryptoFrame(at, {hello[at]}), .padded_to = 32}));
    ASSERT_EQ(inspection, at + 1 == hello.size() ? Named("a.test") : Inspection::Undecided()) << at;
  }
}

TEST(QuicInspectorTest, PacketNumbersAreCutShort) {
  const Bytes hello = Hello("web.example.com");
  QuicInspector inspector;
  for (const uint64_t number : {200, 255, 256, 300, 420, 511}) {
    const Bytes packet = Seal({.number = number, .number_size = number == 200 ? 2u : 1u, .frames = CryptoFrame(0, hello)});
    EXPECT_EQ(inspector.OnDatagram(packet), Named("web.example.com")) << number;
  }
}

TEST(QuicInspectorTest, AHelloWithoutANameIsNameless) {
  EXPECT_EQ(QuicInspector().OnDatagram(Datagram("")), Inspection::Nameless());
}

// What a client sends once the server answered: other destinations under the same
// keys, other types of packets, and at last short headers.
TEST(QuicInspectorTest, AConnectionGoesOnUnderItsName) {
  QuicInspector inspector;
  EXPECT_EQ(inspector.OnDatagram(Datagram("web.example.com")), Named("web.example.com"));
  const Bytes acknowledge = Seal({.destination_id = kOtherId,
                                  .number = 1,
                                  .frames = {2, 0, 0, 0, 0},
                                  .padded_to = 20,
                                  .keys = ClientKeys(QuicVersion::kV1, InitialPacket().destination_id)});
  const Bytes handshake = LongPacket(0xe0, QuicVersion::kV1, kOtherId);
  const Bytes one_rtt = Joined({{0x41}, kOtherId, Bytes(40, 7)});
  for (const Bytes& datagram : {acknowledge, handshake, one_rtt, Joined({acknowledge, handshake}),
                                Joined({acknowledge, handshake, one_rtt}), Joined({acknowledge, Bytes(100, 0)}),
                                LongPacket(0xd0, QuicVersion::kV1, kOtherId)}) {
    EXPECT_EQ(inspector.OnDatagram(datagram), Named("web.example.com"));
  }
}

TEST(QuicInspectorTest, VersionsMayChangeByAgreement) {
  const Bytes hello = Hello("web.example.com");
  QuicInspector inspector;
  EXPECT_TRUE(inspector.OnDatagram(Seal({.frames = CryptoFrame(0, Slice(hello, 0, 100))})).undecided());
  // RFC 9369 section 4.1
  const Bytes rest = Seal({.version = QuicVersion::kV2,
                           .destination_id = kOtherId,
                           .number = 1,
                           .frames = CryptoFrame(100, Slice(hello, 100, hello.size())),
                           .keys = ClientKeys(QuicVersion::kV2, InitialPacket().destination_id)});
  EXPECT_EQ(inspector.OnDatagram(rest), Named("web.example.com"));
}

TEST(QuicInspectorTest, ARetryHasNewKeysAndATokenAndMayAskForAnotherName) {
  QuicInspector inspector;
  EXPECT_EQ(inspector.OnDatagram(Datagram("a.test")), Named("a.test"));
  const Bytes again = Seal({.destination_id = kOtherId,
                            .token = Bytes(70, 9),
                            .number = 1,
                            .frames = CryptoFrame(0, Hello("b.test"))});
  EXPECT_EQ(inspector.OnDatagram(again), Named("b.test"));
}

TEST(QuicInspectorTest, EveryConnectionOfAFlowIsRead) {
  QuicInspector inspector;
  EXPECT_EQ(inspector.OnDatagram(Datagram("a.test")), Named("a.test"));
  EXPECT_EQ(inspector.OnDatagram(Datagram("b.test", kOtherId)), Named("b.test"));
  // A retransmission of the first.
  EXPECT_EQ(inspector.OnDatagram(Seal({.number = 1, .frames = {1}})), Named("a.test"));
  // Older ones are forgotten, and what was half of one of them with it.
  for (uint8_t i = 0; i < QuicInspector::kMaxConnections; ++i) {
    EXPECT_EQ(inspector.OnDatagram(Datagram("c.test", Bytes(8, i))), Named("c.test"));
  }
  const Bytes rest = Seal({.destination_id = kOtherId,
                           .number = 1,
                           .frames = {1},
                           .keys = ClientKeys(QuicVersion::kV1, InitialPacket().destination_id)});
  EXPECT_EQ(inspector.OnDatagram(rest), Inspection::Unreadable());
}

TEST(QuicInspectorTest, HandshakesAreBoundedTogether) {
  QuicInspector inspector;
  const Bytes piece(100, 1);
  const uint64_t far = kMaxInspected - 100;
  EXPECT_TRUE(inspector.OnDatagram(Seal({.frames = CryptoFrame(far, piece)})).undecided());
  EXPECT_EQ(inspector.held(), kMaxInspected);
  EXPECT_EQ(inspector.OnDatagram(Datagram("a.test", kOtherId)), Inspection::Unreadable());
  EXPECT_EQ(inspector.held(), 0u);
  EXPECT_EQ(QuicInspector().OnDatagram(Seal({.frames = CryptoFrame(far + 1, piece)})), Inspection::Unreadable());
}

TEST(QuicInspectorTest, OtherProtocolsAreUnknownAndSayNothingOfWhatFollows) {
  QuicInspector inspector;
  for (const Bytes& datagram : {Bytes{}, Bytes{0}, Bytes{0x16, 0xfe, 0xfd}, Bytes{0x38, 1, 2}, Bytes(1200, 0x3f)}) {
    EXPECT_EQ(inspector.OnDatagram(datagram), Inspection::Unknown());
  }
  const Bytes initial = Datagram("a.test");
  EXPECT_EQ(inspector.OnDatagram(initial), Named("a.test"));
  EXPECT_EQ(inspector.OnDatagram({}), Inspection::Unknown());
  EXPECT_EQ(inspector.OnDatagram(initial), Named("a.test"));
}

Bytes Edited(Bytes datagram, size_t at, uint8_t flip) {
  datagram[at] ^= flip;
  return datagram;
}

TEST(QuicInspectorTest, WhatIsNoReadableInitialPacketIsUnreadable) {
  const Bytes good = Datagram("a.test");
  const Bytes frames = CryptoFrame(0, Hello("a.test"));
  const std::vector<std::pair<std::string, Bytes>> cases = {
      {"short header", Joined({{0x40}, Bytes(50, 1)})},
      {"0-RTT alone", LongPacket(0xd0, QuicVersion::kV1, kOtherId)},
      {"Handshake alone", LongPacket(0xe0, QuicVersion::kV1, kOtherId)},
      {"Retry", LongPacket(0xf0, QuicVersion::kV1, kOtherId)},
      {"Retry of version 2", LongPacket(0xc0, QuicVersion::kV2, kOtherId)},
      {"version negotiation", LongPacket(0xc0, QuicVersion{0}, kOtherId)},
      {"a version to come", LongPacket(0xc0, QuicVersion{2}, kOtherId)},
      {"a draft's", LongPacket(0xc0, QuicVersion{0xff00001d}, kOtherId)},
      {"GREASE", LongPacket(0xc0, QuicVersion{0x1a2a3a4a}, kOtherId)},
      {"no fixed bit", Edited(good, 0, 0x40)},
      {"another type", Edited(good, 0, 0x10)},
      {"another version", Edited(good, 4, 0x01)},
      {"another destination", Edited(good, 8, 0x01)},
      {"a destination of 21 bytes", Seal({.destination_id = Bytes(21, 1), .frames = frames})},
      {"a source of 21 bytes", Seal({.source_id = Bytes(21, 1), .frames = frames})},
      {"another payload", Edited(good, 600, 0x01)},
      {"another tag", Edited(good, good.size() - 1, 0x80)},
      {"cut short", Slice(good, 0, good.size() - 1)},
      {"too short for a sample", Seal({.number_size = 1, .frames = {1}, .padded_to = 1})},
      {"two connections in a datagram", Joined({good, Datagram("a.test", kOtherId)})},
      {"a long header after it", Joined({good, {0x80}})},
      {"a frame of another space", Seal({.frames = Joined({frames, {0x08, 0, 1}})})},
      {"an application's close", Seal({.frames = Joined({frames, {0x1d, 0, 0}})})},
      {"a type of two bytes", Seal({.frames = Joined({{0x40, 0x06}, frames})})},
      {"a piece past the packet", Seal({.frames = {6, 0, 5, 1}, .padded_to = 4})},
      {"acknowledgements past the packet", Seal({.frames = {2, 0, 0, 60, 0, 0}, .padded_to = 30})},
      {"a reason past the packet", Seal({.frames = {0x1c, 0, 0, 60}, .padded_to = 30})},
      {"a ServerHello", Seal({.frames = CryptoFrame(0, {2, 0, 0, 0})})},
      {"a hello too long", Seal({.frames = CryptoFrame(0, {1, 0, 0x40, 0})})},
  };
  for (const auto& [what, datagram] : cases) {
    QuicInspector inspector;
    EXPECT_EQ(inspector.OnDatagram(datagram), Inspection::Unreadable()) << what;
    EXPECT_EQ(inspector.OnDatagram(good), Inspection::Unreadable()) << what;
  }
}

TEST(QuicInspectorTest, EveryCutIsUnreadable) {
  const Bytes good = Datagram("a.test");
  for (size_t size = 1; size < good.size(); ++size) {
    ASSERT_EQ(QuicInspector().OnDatagram(Slice(good, 0, size)), Inspection::Unreadable()) << size;
  }
}

TEST(QuicInspectorTest, IdsAndTokensOfEverySizeAreRead) {
  for (size_t size = 0; size <= kMaxQuicConnectionId; ++size) {
    const Bytes packet = Seal({.destination_id = Bytes(size, 3),
                               .source_id = Bytes(kMaxQuicConnectionId - size, 4),
                               .token = Bytes(size * 20, 5),
                               .frames = CryptoFrame(0, Hello("a.test"))});
    EXPECT_EQ(QuicInspector().OnDatagram(packet), Named("a.test")) << size;
  }
}

}  // namespace
}  // namespace sluice::flow
