// A hostile guest's datagrams to UDP port 443 through the QUIC inspector.

#include <algorithm>
#include <cstdint>
#include <span>

#include "netsvc/base/big_endian.h"
#include "netsvc/flow/quic_inspector.h"
#include "netsvc/flow/quic_inspector_records.h"
#include "netsvc/flow/test_quic.h"
#include "tests/fuzz/require.h"

namespace sluice::flow {
namespace {

using Outcome = Inspection::Outcome;

Bytes PacketOf(uint8_t control, uint64_t number, Bytes body) {
  if (!(control & kSealed)) return body;
  const QuicVersion version = control & kVersion2 ? QuicVersion::kV2 : QuicVersion::kV1;
  const Bytes id(8, control & kOtherConnection ? 0x22 : 0x11);
  return Seal({.version = version,
               .destination_id = control & kServersId ? Bytes(4, 0x33) : id,
               .number = number,
               .number_size = control & kShortNumber ? 1u : 4u,
               .frames = std::move(body),
               .padded_to = 32,
               .keys = ClientKeys(version, id)});
}

// Datagrams in buffers of just their size, so that a read past one is seen.
void Check(QuicInspector& inspector, const Bytes& datagram, bool& unreadable) {
  const Inspection inspection = inspector.OnDatagram(datagram);
  FUZZ_REQUIRE(inspection.name.is_root() == (inspection.outcome != Outcome::kNamed));
  FUZZ_REQUIRE(inspector.held() <= kMaxInspected);
  FUZZ_REQUIRE(!unreadable || inspection.outcome == Outcome::kUnreadable || inspection.outcome == Outcome::kUnknown);
  unreadable = unreadable || inspection.outcome == Outcome::kUnreadable;
  // A retransmission tells nothing new.
  FUZZ_REQUIRE(inspector.OnDatagram(datagram) == inspection);
}

void ProcessRow(std::span<const uint8_t> row) {
  QuicInspector inspector;
  bool unreadable = false;
  uint64_t number = 0;
  Bytes datagram;
  while (row.size() >= kRecordHeaderSize) {
    const uint8_t control = row[0];
    const size_t size = std::min<size_t>(Load16(&row[1]), row.size() - kRecordHeaderSize);
    const std::span<const uint8_t> body = row.subspan(kRecordHeaderSize, size);
    row = row.subspan(kRecordHeaderSize + size);
    datagram = Joined({datagram, PacketOf(control, number++, Bytes(body.begin(), body.end()))});
    if (control & kJoinNext && !row.empty()) continue;
    Check(inspector, datagram, unreadable);
    datagram.clear();
  }
}

}  // namespace
}  // namespace sluice::flow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::flow::ProcessRow({data, size});
  return 0;
}
