#include "netsvc/dns/test_message.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/base/ip_address.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

constexpr uint16_t kTestId = 0x1234;

std::string Text(const WireName& name) {
  std::string text;
  const std::span<const uint8_t> wire = name.bytes();
  for (size_t at = 0; wire[at] != 0; at += 1 + wire[at]) {
    if (at > 0) text.push_back('.');
    text.append(reinterpret_cast<const char*>(&wire[at + 1]), wire[at]);
  }
  return text.empty() ? "." : absl::CEscape(text);
}

std::string HexOf(std::span<const uint8_t> bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string OptText(const Record& record) {
  const std::optional<OptView> opt = OptView::Of(record);
  if (!opt) return "OPT bad";
  std::string text = absl::StrCat("OPT ", opt->udp_size());
  if (opt->extended_rcode() != 0) absl::StrAppend(&text, " RCODE+=", opt->extended_rcode() << 4);
  const auto error = opt->Option(15);
  if (error && error->size() >= 2) {
    absl::StrAppend(&text, " EDE=", Load16(error->data()), " ", std::string(error->begin() + 2, error->end()));
  }
  return text;
}

std::string RecordText(const MessageView& message, const Record& record) {
  if (record.type == kTypeOpt) return OptText(record);
  std::string data = HexOf(record.rdata);
  if (const std::optional<IpAddress> address = AddressOf(record)) data = address->ToString();
  if (record.type == kTypeCname || record.type == kTypeNs) data = Text(TargetOf(message, record).value_or(WireName()));
  return absl::StrCat(Text(record.name), " ", record.ttl, " ", TypeName(record.type), " ", data);
}

std::string HeaderText(const MessageView& message) {
  std::string text = RcodeName(message.rcode());
  if (message.is_response()) text += " qr";
  if (message.flags() & 0x0400) text += " aa";
  if (message.truncated()) text += " tc";
  if (message.flags() & kFlagRecursionDesired) text += " rd";
  if (message.flags() & kFlagRecursionAvailable) text += " ra";
  if (message.flags() & 0x0020) text += " ad";
  if (message.flags() & kFlagCheckingDisabled) text += " cd";
  return text;
}

Bytes BuildQuery(absl::string_view name, uint16_t type, std::optional<uint16_t> udp_size) {
  Bytes out;
  MessageWriter writer(out, kMaxMessageSize, kTestId, kFlagRecursionDesired);
  writer.AddQuestion(NameOf(name), type, kClassIn);
  if (udp_size) {
    writer.BeginRecord(Section::kAdditional, WireName(), kTypeOpt, *udp_size, 0);
    writer.EndRecord();
  }
  return out;
}

}  // namespace

WireName NameOf(absl::string_view text) {
  Bytes message(kHeaderSize);
  if (text != ".") {
    for (const absl::string_view label : absl::StrSplit(text, '.')) {
      message.push_back(static_cast<uint8_t>(label.size()));
      message.insert(message.end(), label.begin(), label.end());
    }
  }
  message.push_back(0);
  WireName name;
  name.Read(message, kHeaderSize);
  return name;
}

Bytes QueryFor(absl::string_view name, uint16_t type) { return BuildQuery(name, type, std::nullopt); }

Bytes EdnsQueryFor(absl::string_view name, uint16_t type, uint16_t udp_size) {
  return BuildQuery(name, type, udp_size);
}

TestAnswer::TestAnswer(absl::string_view name, uint16_t type, uint16_t rcode)
    : writer_(out_, kMaxMessageSize, 0x4321, kFlagResponse | kFlagRecursionDesired | kFlagRecursionAvailable | rcode) {
  writer_.AddQuestion(NameOf(name), type, kClassIn);
}

TestAnswer& TestAnswer::In(Section section) {
  section_ = section;
  return *this;
}

TestAnswer& TestAnswer::Ttl(uint32_t ttl) {
  ttl_ = ttl;
  return *this;
}

TestAnswer& TestAnswer::Address(absl::string_view owner, absl::string_view address) {
  const IpAddress parsed = IpAddress::Parse(address).value_or(IpAddress());
  return Raw(owner, parsed.is_v6() ? kTypeAaaa : kTypeA, parsed.bytes());
}

TestAnswer& TestAnswer::Cname(absl::string_view owner, absl::string_view target) {
  writer_.BeginRecord(section_, NameOf(owner), kTypeCname, kClassIn, ttl_);
  writer_.WriteName(NameOf(target), /*compress=*/true);
  writer_.EndRecord();
  return *this;
}

TestAnswer& TestAnswer::Soa(absl::string_view owner, uint32_t minimum) {
  writer_.BeginRecord(section_, NameOf(owner), kTypeSoa, kClassIn, ttl_);
  writer_.WriteName(NameOf("ns." + std::string(owner)), /*compress=*/true);
  writer_.WriteName(NameOf("admin." + std::string(owner)), /*compress=*/true);
  for (const uint32_t number : {1u, 3600u, 600u, 86400u, minimum}) writer_.Write32(number);
  writer_.EndRecord();
  return *this;
}

TestAnswer& TestAnswer::Https(absl::string_view owner, std::span<const uint8_t> params) {
  Bytes rdata = {0, 1, 0};
  rdata.insert(rdata.end(), params.begin(), params.end());
  return Raw(owner, kTypeHttps, rdata);
}

TestAnswer& TestAnswer::Raw(absl::string_view owner, uint16_t type, std::span<const uint8_t> rdata, uint16_t rclass) {
  writer_.BeginRecord(section_, NameOf(owner), type, rclass, ttl_);
  writer_.WriteBytes(rdata);
  writer_.EndRecord();
  return *this;
}

Bytes SvcParamBytes(uint16_t key, std::span<const uint8_t> value) {
  Bytes bytes(4);
  Store16(&bytes[0], key);
  Store16(&bytes[2], static_cast<uint16_t>(value.size()));
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}

std::string ToText(std::span<const uint8_t> bytes) {
  const std::optional<MessageView> message = MessageView::Of(bytes);
  if (!message) return "malformed";
  std::string text = HeaderText(*message);
  MessageReader reader(*message);
  for (Question question; reader.NextQuestion(question);) {
    absl::StrAppend(&text, " ? ", Text(question.name), " ", TypeName(question.type));
  }
  Section section = Section::kAnswer;
  for (Record record; reader.NextRecord(record);) {
    for (; section != record.section; section = static_cast<Section>(static_cast<int>(section) + 1)) text += " |";
    absl::StrAppend(&text, " | ", RecordText(*message, record));
  }
  return reader.at_end() ? text : "malformed";
}

}  // namespace sluice::dns
