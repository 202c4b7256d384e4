#include "netsvc/dns/record_copy.h"

#include "netsvc/base/big_endian.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

// Copies everything that stands before the names; false where it does not fit.
// `at` moves behind it.
bool CopyHead(std::span<const uint8_t> rdata, const RdataLayout& layout, size_t& at, MessageWriter& to) {
  at = layout.fixed;
  for (int i = 0; i < layout.strings && at < rdata.size(); ++i) at += 1 + rdata[at];
  if (at > rdata.size()) return false;
  to.WriteBytes(rdata.first(at));
  return true;
}

bool CopyRdata(const MessageView& from, const Record& record, MessageWriter& to) {
  const RdataLayout layout = LayoutOf(record.type);
  size_t at;
  if (!CopyHead(record.rdata, layout, at, to)) return false;
  WireName name;
  for (int i = 0; i < layout.names; ++i) {
    const std::optional<size_t> end = name.Read(from.bytes(), record.rdata_offset + at);
    if (!end || *end > record.rdata_offset + record.rdata.size()) return false;
    to.WriteName(name, layout.compressible);
    at = *end - record.rdata_offset;
  }
  to.WriteBytes(record.rdata.subspan(at));
  return true;
}

// The list of keys that a client must understand, without ech; nothing where
// nothing else is on it.
void CopyMandatory(std::span<const uint8_t> keys, MessageWriter& to) {
  size_t left = 0;
  for (size_t at = 0; at < keys.size(); at += 2) left += Load16(&keys[at]) == kSvcEch ? 0 : 2;
  if (left == 0) return;
  to.Write16(kSvcMandatory);
  to.Write16(static_cast<uint16_t>(left));
  for (size_t at = 0; at < keys.size(); at += 2) {
    if (Load16(&keys[at]) != kSvcEch) to.Write16(Load16(&keys[at]));
  }
}

}  // namespace

bool CopyRecord(const MessageView& from, const Record& record, uint32_t ttl, MessageWriter& to) {
  to.BeginRecord(record.section, record.name, record.type, record.rclass, ttl);
  const bool copied = CopyRdata(from, record, to);
  to.EndRecord();
  return copied;
}

bool CopyWithoutEch(const MessageView& from, const Record& record, uint32_t ttl, MessageWriter& to) {
  std::optional<SvcbReader> reader = SvcbReader::Of(from, record);
  if (!reader) return false;
  to.BeginRecord(record.section, record.name, record.type, record.rclass, ttl);
  to.Write16(reader->priority());
  to.WriteName(reader->target(), /*compress=*/false);
  for (SvcParam param; reader->Next(param);) {
    if (param.key == kSvcEch) continue;
    if (param.key == kSvcMandatory) {
      CopyMandatory(param.value, to);
      continue;
    }
    to.Write16(param.key);
    to.Write16(static_cast<uint16_t>(param.value.size()));
    to.WriteBytes(param.value);
  }
  to.EndRecord();
  return !reader->malformed();
}

}  // namespace sluice::dns
