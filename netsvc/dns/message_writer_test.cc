#include "netsvc/dns/message_writer.h"

#include <gtest/gtest.h>

#include "netsvc/dns/rdata.h"
#include "netsvc/dns/record_copy.h"
#include "netsvc/dns/test_message.h"

namespace sluice::dns {
namespace {

// Every record of `from`, written again.
Bytes Rewrite(const Bytes& from, bool without_ech = false) {
  Bytes out;
  const MessageView view = *MessageView::Of(from);
  MessageWriter writer(out, kMaxMessageSize, view.id(), view.flags());
  MessageReader reader(view);
  for (Question question; reader.NextQuestion(question);) {
    writer.AddQuestion(question.name, question.type, question.qclass);
  }
  for (Record record; reader.NextRecord(record);) {
    const bool copied =
        without_ech ? CopyWithoutEch(view, record, record.ttl, writer) : CopyRecord(view, record, record.ttl, writer);
    if (!copied) return {};
  }
  return out;
}

TEST(MessageWriterTest, CompressesAgainstWhatStandsBefore) {
  TestAnswer answer("www.example.com", kTypeA);
  answer.Cname("WWW.example.com", "web.example.com").Address("web.EXAMPLE.com", "192.0.2.1");
  // Header, question, then pointers: owner 2, "web" and pointer 6, owner 2.
  EXPECT_EQ(answer.bytes().size(), 12u + 21 + (2 + 10 + 6) + (2 + 10 + 4));
  EXPECT_EQ(ToText(answer.bytes()),
            "NOERROR qr rd ra ? www.example.com A | www.example.com 300 CNAME web.example.com"
            " | web.example.com 300 A 192.0.2.1");
}

TEST(MessageWriterTest, WritesNamesWholeWhereTheTableOfSuffixesIsFull) {
  TestAnswer answer("a.test", kTypeA);
  for (int i = 0; i < 300; ++i) answer.Address("h" + std::to_string(i) + ".d" + std::to_string(i), "192.0.2.1");
  const std::string text = ToText(answer.bytes());
  EXPECT_NE(text.find(" h299.d299 300 A 192.0.2.1"), text.npos);
}

TEST(MessageWriterTest, WritesNothingPastTheLimit) {
  for (size_t limit = kHeaderSize; limit < 200; ++limit) {
    Bytes out;
    MessageWriter writer(out, limit, 1, 0);
    writer.AddQuestion(NameOf("www.example.com"), kTypeA, kClassIn);
    for (int i = 0; i < 8; ++i) writer.AddAddress(NameOf("www.example.com"), IpAddress::V4(1), 60);
    writer.AddOpt(kNoError, ExtendedError{.code = 1, .text = "text"});
    EXPECT_LE(out.size(), limit);
    EXPECT_EQ(writer.overflowed(), limit < 12 + 21 + 8 * 16 + 11 + 10) << limit;
  }
}

TEST(RecordCopyTest, KeepsEveryRecord) {
  TestAnswer answer("www.example.com", kTypeA);
  answer.Cname("www.example.com", "web.example.com").Address("web.example.com", "192.0.2.1");
  answer.Raw("example.com", 4711, Bytes{0xc0, 0x0c, 1, 2, 3});
  answer.Authority().Soa("example.com", 60);
  answer.Additional().Address("ns.example.com", "2001:db8::1");
  EXPECT_EQ(ToText(Rewrite(answer.bytes())), ToText(answer.bytes()));
}

TEST(RecordCopyTest, ReadsCompressedNamesInData) {
  // An MX whose exchange is a pointer to the question's name; an SRV, which may
  // not be compressed, with one too.
  TestAnswer answer("mail.example.com", kTypeMx);
  answer.Raw("example.com", kTypeMx, Bytes{0, 10, 0xc0, 12});
  answer.Raw("example.com", kTypeSrv, Bytes{0, 1, 0, 2, 0, 80, 0xc0, 12});
  const Bytes copied = Rewrite(answer.bytes());
  MessageReader reader(*MessageView::Of(copied));
  Record record;
  ASSERT_TRUE(reader.NextRecord(record));
  EXPECT_EQ(record.rdata.size(), 4u);  // compressed
  ASSERT_TRUE(reader.NextRecord(record));
  EXPECT_EQ(record.rdata.size(), 6u + 18);  // whole
  EXPECT_FALSE(reader.NextRecord(record));
  EXPECT_TRUE(reader.at_end());
}

TEST(RecordCopyTest, RefusesDataThatIsNotWhatItsTypeSays) {
  const auto copies = [](uint16_t type, const Bytes& rdata) {
    TestAnswer answer("a.test", type);
    return !Rewrite(answer.Raw("a.test", type, rdata).Address("b.test", "192.0.2.1").bytes()).empty();
  };
  EXPECT_TRUE(copies(kTypeCname, {1, 'x', 0}));
  EXPECT_FALSE(copies(kTypeCname, {1, 'x'}));  // goes on behind its data
  EXPECT_FALSE(copies(kTypeCname, {}));
  EXPECT_FALSE(copies(kTypeMx, {0}));
  EXPECT_FALSE(copies(kTypeMx, {0, 1}));
  EXPECT_TRUE(copies(35, {0, 1, 0, 1, 1, 'u', 0, 0, 0}));
  EXPECT_FALSE(copies(35, {0, 1, 0, 1, 200, 'u', 0, 0, 0}));
  EXPECT_FALSE(copies(35, {0, 1, 0, 1, 1, 'u', 0}));
}

TEST(RecordCopyTest, TakesEchOutAndOffTheMandatoryList) {
  Bytes params = SvcParamBytes(kSvcMandatory, Bytes{0, 1, 0, 5});
  const Bytes alpn = SvcParamBytes(1, Bytes{2, 'h', '2'});
  const Bytes ech = SvcParamBytes(kSvcEch, Bytes{0xfe, 0x0d});
  params.insert(params.end(), alpn.begin(), alpn.end());
  params.insert(params.end(), ech.begin(), ech.end());
  TestAnswer answer("a.test", kTypeHttps);
  const Bytes with = answer.Https("a.test", params).bytes();
  EXPECT_EQ(ToText(Rewrite(with)), ToText(with));
  EXPECT_EQ(ToText(Rewrite(with, /*without_ech=*/true)),
            "NOERROR qr rd ra ? a.test HTTPS | a.test 300 HTTPS 000100"
            "000000020001"
            "00010003026832");
  TestAnswer only("a.test", kTypeHttps);
  Bytes alone = SvcParamBytes(kSvcMandatory, Bytes{0, 5});
  alone.insert(alone.end(), ech.begin(), ech.end());
  EXPECT_EQ(ToText(Rewrite(only.Https("a.test", alone).bytes(), /*without_ech=*/true)),
            "NOERROR qr rd ra ? a.test HTTPS | a.test 300 HTTPS 000100");
}

}  // namespace
}  // namespace sluice::dns
