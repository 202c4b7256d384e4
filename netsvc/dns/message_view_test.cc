#include "netsvc/dns/message_view.h"

#include <gtest/gtest.h>

#include "netsvc/dns/rdata.h"
#include "netsvc/dns/test_message.h"

namespace sluice::dns {
namespace {

// A header with those counts, and what follows it.
Bytes Message(uint8_t questions, uint8_t answers, const Bytes& rest) {
  Bytes bytes = {0x12, 0x34, 0x81, 0x80, 0, questions, 0, answers, 0, 0, 0, 0};
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

std::optional<size_t> ReadAt(const Bytes& message, size_t offset) { return WireName().Read(message, offset); }

TEST(MessageViewTest, NeedsAWholeHeader) {
  const Bytes bytes = Message(0, 0, {});
  EXPECT_TRUE(MessageView::Of(bytes));
  EXPECT_FALSE(MessageView::Of(std::span(bytes).first(11)));
  EXPECT_FALSE(MessageView::Of({}));
}

TEST(MessageViewTest, ReadsHeaderFields) {
  const Bytes bytes = {0xab, 0xcd, 0xa2, 0x13, 0, 1, 0, 2, 0, 3, 0, 4};
  const MessageView view = *MessageView::Of(bytes);
  EXPECT_EQ(view.id(), 0xabcd);
  EXPECT_TRUE(view.is_response());
  EXPECT_TRUE(view.truncated());
  EXPECT_EQ(view.opcode(), 4);
  EXPECT_EQ(view.rcode(), kNxDomain);
  EXPECT_EQ(view.question_count(), 1);
  EXPECT_EQ(view.record_count(Section::kAnswer), 2);
  EXPECT_EQ(view.record_count(Section::kAdditional), 4);
}

TEST(MessageReaderTest, WalksAllSections) {
  TestAnswer answer("www.example.com", kTypeA);
  answer.Cname("www.example.com", "web.example.com").Address("web.example.com", "192.0.2.1");
  answer.Authority().Soa("example.com", 60);
  answer.Additional().Address("ns.example.com", "2001:db8::1");
  const Bytes bytes = answer.bytes();
  MessageReader reader(*MessageView::Of(bytes));
  std::string seen;
  for (Record record; reader.NextRecord(record);) {
    seen += std::to_string(static_cast<int>(record.section)) + TypeName(record.type) + " ";
  }
  EXPECT_EQ(seen, "0CNAME 0A 1SOA 2AAAA ");
  EXPECT_TRUE(reader.at_end());
}

TEST(MessageReaderTest, EveryCutIsMalformedAndNothingMore) {
  TestAnswer answer("www.example.com", kTypeHttps);
  answer.Cname("www.example.com", "web.example.com").Https("web.example.com", SvcParamBytes(4, Bytes{1, 2, 3, 4}));
  const Bytes bytes = answer.Authority().Soa("example.com", 60).bytes();
  EXPECT_NE(ToText(bytes), "malformed");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(ToText(std::span(bytes).first(size)), "malformed") << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(ToText(longer), "malformed");
}

TEST(WireNameTest, FollowsPointersBackwards) {
  const Bytes message = Message(0, 0, {1, 'a', 0, 1, 'b', 0xc0, 12, 1, 'c', 0xc0, 15});
  WireName name;
  EXPECT_EQ(name.Read(message, 19), 23u);
  EXPECT_EQ(name.ToDomainName().ToString(), "c.b.a");
}

TEST(WireNameTest, RefusesPointersThatDoNotLeadBack) {
  EXPECT_TRUE(ReadAt(Message(0, 0, {1, 'a', 0, 0xc0, 12}), 15));
  EXPECT_FALSE(ReadAt(Message(0, 0, {0xc0, 12}), 12));                  // itself
  EXPECT_FALSE(ReadAt(Message(0, 0, {0xc0, 14, 1, 'a', 0}), 12));       // forward
  EXPECT_FALSE(ReadAt(Message(0, 0, {1, 'a', 0xc0, 12}), 12));          // its own label
  EXPECT_FALSE(ReadAt(Message(0, 0, {0xc0, 14, 0xc0, 12}), 12));        // each other
  EXPECT_FALSE(ReadAt(Message(0, 0, {0xc0, 4}), 12));                   // into the header
  EXPECT_FALSE(ReadAt(Message(0, 0, {1, 'a', 0, 0xc0}), 15));           // half
  EXPECT_FALSE(ReadAt(Message(0, 0, {1, 'a', 1, 'b', 0xc0, 12}), 14));  // the run goes through its target again
}

TEST(WireNameTest, RefusesOtherLabelTypes) {
  EXPECT_TRUE(ReadAt(Message(0, 0, {1, 'a', 0}), 12));
  EXPECT_FALSE(ReadAt(Message(0, 0, {0x41, 'a', 0}), 12));
  EXPECT_FALSE(ReadAt(Message(0, 0, {0x81, 'a', 0}), 12));
}

// `labels` labels of 49 bytes and one of `last`; 50 bytes each on the wire.
Bytes LongName(int labels, uint8_t last) {
  Bytes bytes;
  for (int i = 0; i < labels; ++i) {
    bytes.push_back(49);
    bytes.insert(bytes.end(), 49, 'x');
  }
  bytes.push_back(last);
  bytes.insert(bytes.end(), last, 'y');
  bytes.push_back(0);
  return bytes;
}

TEST(WireNameTest, HoldsToTheLimitOfANameThroughPointersToo) {
  EXPECT_TRUE(ReadAt(Message(0, 0, LongName(5, 3)), 12));   // 255 bytes
  EXPECT_FALSE(ReadAt(Message(0, 0, LongName(5, 4)), 12));  // 256
  Bytes rest = LongName(4, 2);                              // 204 bytes, from offset 12
  const size_t start = kHeaderSize + rest.size();
  rest.push_back(49);
  rest.insert(rest.end(), 49, 'z');
  rest.insert(rest.end(), {0xc0, 12});
  EXPECT_TRUE(ReadAt(Message(0, 0, rest), start));
  Bytes longer = LongName(4, 5);
  longer.push_back(49);
  longer.insert(longer.end(), 49, 'z');
  longer.insert(longer.end(), {0xc0, 12});
  EXPECT_FALSE(ReadAt(Message(0, 0, longer), start + 3));
}

TEST(WireNameTest, KeepsDotsNulsAndCase) {
  const Bytes message = Message(0, 0, {3, 'A', '.', 0, 0});
  WireName name;
  ASSERT_TRUE(name.Read(message, 12));
  EXPECT_EQ(name.bytes()[1], 'A');
  EXPECT_EQ(name.ToDomainName().ToString(), "a\\.\\000");
}

TEST(SvcbReaderTest, ReadsParametersInOrderAlone) {
  const auto keys = [](const Bytes& params) {
    TestAnswer answer("a.test", kTypeHttps);
    const Bytes bytes = answer.Https("a.test", params).bytes();
    const MessageView view = *MessageView::Of(bytes);
    MessageReader reader(view);
    Record record;
    EXPECT_TRUE(reader.NextRecord(record));
    SvcbReader svcb = *SvcbReader::Of(view, record);
    std::string text;
    for (SvcParam param; svcb.Next(param);) text += std::to_string(param.key) + " ";
    return svcb.malformed() ? "malformed" : text;
  };
  const Bytes alpn = SvcParamBytes(1, Bytes{2, 'h', '2'});
  const Bytes hint = SvcParamBytes(4, Bytes{1, 2, 3, 4});
  Bytes both = alpn;
  both.insert(both.end(), hint.begin(), hint.end());
  Bytes swapped = hint;
  swapped.insert(swapped.end(), alpn.begin(), alpn.end());
  EXPECT_EQ(keys(both), "1 4 ");
  EXPECT_EQ(keys(swapped), "malformed");
  EXPECT_EQ(keys(SvcParamBytes(4, Bytes{1, 2, 3})), "malformed");
  EXPECT_EQ(keys(SvcParamBytes(6, Bytes(16))), "6 ");
  EXPECT_EQ(keys(SvcParamBytes(6, Bytes(4))), "malformed");
  EXPECT_EQ(keys({0, 1, 0}), "malformed");
}

TEST(ProtocolTest, NamesTypesAndRcodes) {
  EXPECT_EQ(TypeName(1), "A");
  EXPECT_EQ(TypeName(65), "HTTPS");
  EXPECT_EQ(TypeName(257), "CAA");
  EXPECT_EQ(TypeName(66), "TYPE66");
  EXPECT_EQ(TypeName(65535), "TYPE65535");
  EXPECT_EQ(RcodeName(3), "NXDOMAIN");
  EXPECT_EQ(RcodeName(12), "RCODE12");
}

}  // namespace
}  // namespace sluice::dns
