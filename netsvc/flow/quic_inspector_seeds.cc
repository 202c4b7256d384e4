#include "netsvc/flow/quic_inspector_records.h"
#include "netsvc/flow/test_client_hello.h"
#include "netsvc/flow/test_quic.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {
namespace {

using flow::CryptoFrame;
using flow::Handshake;
using flow::Joined;
using flow::kJoinNext;
using flow::kOtherConnection;
using flow::kSealed;
using flow::kServersId;
using flow::kShortNumber;
using flow::kVersion2;
using flow::LongPacket;
using flow::QuicVersion;
using flow::ServerName;

Bytes Record(uint8_t control, const Bytes& body) {
  return Joined({{control, static_cast<uint8_t>(body.size() >> 8), static_cast<uint8_t>(body.size())}, body});
}

Bytes Slice(const Bytes& bytes, size_t begin, size_t end) {
  return Bytes(bytes.begin() + static_cast<ptrdiff_t>(begin), bytes.begin() + static_cast<ptrdiff_t>(end));
}

}  // namespace

std::vector<Bytes> Seeds() {
  const Bytes hello = Handshake({.extensions = {ServerName({"web.example.com"})}});
  const Bytes other = Handshake({.extensions = {ServerName({"a.test"})}});
  const Bytes whole = CryptoFrame(0, hello);
  const Bytes begin = CryptoFrame(0, Slice(hello, 0, 60));
  const Bytes end = CryptoFrame(60, Slice(hello, 60, hello.size()));
  const Bytes around = {1, 0, 2, 5, 9, 1, 0, 1, 1, 3, 5, 0, 0, 0, 7, 8, 9};
  const Bytes id(4, 0x33);
  return {
      Record(kSealed, whole),
      Record(kSealed | kVersion2 | kShortNumber, whole),
      Joined({Record(kSealed, end), Record(kSealed, begin)}),
      Joined({Record(kSealed, Joined({around, begin, around})), Record(kSealed | kVersion2, end)}),
      Joined({Record(kSealed, whole), Record(kSealed | kOtherConnection, CryptoFrame(0, other)),
              Record(kSealed | kServersId, around)}),
      Joined({Record(kSealed, whole), Record(kSealed | kServersId | kJoinNext, around),
              Record(0, LongPacket(0xe0, QuicVersion::kV1, id)), Record(0, {0x41, 1, 2, 3})}),
      Joined({Record(kSealed, whole), Record(kSealed, {0x1c, 10, 6, 3, 'b', 'y', 'e'})}),
      Record(0, flow::Seal({.frames = whole, .padded_to = 200})),
      Record(0, {0, 1, 2}),
      Joined({Record(kSealed, CryptoFrame(16'000, {1, 2, 3})), Record(kSealed | kOtherConnection, whole)}),
  };
}

}  // namespace sluice::fuzz
