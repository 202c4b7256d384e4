// MessageReader beside ldns, over generated messages and mutations of them: both
// accept, or both refuse, or the difference is one that is meant; and what both
// accept, both read alike.
//
// Meant, and told apart below:
//   - MessageReader refuses bytes behind the last record, and pointers that do not
//     lead strictly backwards past the header; ldns follows any that ends.
//   - ldns refuses record data that is not what its type says, and where data is
//     longer than that goes on behind what it knows, not by the length stated;
//     MessageReader goes by the length, and who uses the data checks it.

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/guest_query.h"
#include "netsvc/dns/message_seeds.h"
#include "netsvc/dns/message_view.h"
#include "netsvc/dns/reply.h"
#include "tests/fuzz/mutate.h"

namespace sluice::dns {
namespace {

constexpr uint16_t kOpaqueType = 65280;  // private use: no parser knows its data

std::string HexOf(std::span<const uint8_t> bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

using LdnsPacket = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

LdnsPacket ReadByLdns(const Bytes& message) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) packet = nullptr;
  return {packet, &ldns_pkt_free};
}

// The question and every record: name, type, class, TTL. OPT and TSIG, which ldns
// takes out of the additional section, are left out.
std::string ToText(const ldns_pkt& packet) {
  const auto owner = [](const ldns_rr* rr) {
    const ldns_rdf* name = ldns_rr_owner(rr);
    return HexOf({ldns_rdf_data(name), ldns_rdf_size(name)});
  };
  std::string text = absl::StrCat(ldns_pkt_id(&packet), " ", static_cast<int>(ldns_pkt_get_rcode(&packet)));
  const ldns_rr_list* questions = ldns_pkt_question(&packet);
  for (size_t i = 0; i < ldns_rr_list_rr_count(questions); ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(questions, i);
    absl::StrAppend(&text, "\n? ", owner(rr), " ", static_cast<int>(ldns_rr_get_type(rr)), " ",
                    static_cast<int>(ldns_rr_get_class(rr)));
  }
  int section = 0;
  for (const ldns_rr_list* list : {ldns_pkt_answer(&packet), ldns_pkt_authority(&packet), ldns_pkt_additional(&packet)}) {
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
      const ldns_rr* rr = ldns_rr_list_rr(list, i);
      absl::StrAppend(&text, "\n", section, " ", owner(rr), " ", static_cast<int>(ldns_rr_get_type(rr)), " ",
                      static_cast<int>(ldns_rr_get_class(rr)), " ", ldns_rr_ttl(rr));
    }
    ++section;
  }
  return text;
}

struct OurReading {
  bool accepted = false;
  bool bytes_behind = false;  // the one thing that is wrong
  std::string text;
};

OurReading ReadByUs(const Bytes& message) {
  const std::optional<MessageView> view = MessageView::Of(message);
  if (!view) return {};
  OurReading reading{.text = absl::StrCat(view->id(), " ", view->rcode())};
  MessageReader reader(*view);
  for (Question question; reader.NextQuestion(question);) {
    absl::StrAppend(&reading.text, "\n? ", HexOf(question.name.bytes()), " ", question.type, " ", question.qclass);
  }
  for (Record record; reader.NextRecord(record);) {
    const bool additional = record.section == Section::kAdditional;
    if (additional && (record.type == kTypeOpt || record.type == kTypeTsig)) continue;
    absl::StrAppend(&reading.text, "\n", static_cast<int>(record.section), " ", HexOf(record.name.bytes()), " ",
                    record.type, " ", record.rclass, " ", record.ttl);
  }
  reading.accepted = reader.at_end();
  reading.bytes_behind = !reader.malformed() && !reader.at_end();
  return reading;
}

// Passes over a name whose pointers may lead anywhere; false where it does not
// end.
bool SkipAnyName(const Bytes& message, size_t& at) {
  std::optional<size_t> end;
  size_t position = at;
  for (int steps = 0; steps < 1'000 && position < message.size(); ++steps) {
    const uint8_t length = message[position];
    if (length == 0) {
      at = end.value_or(position + 1);
      return true;
    }
    if (length < 0x40) {
      position += 1 + length;
    } else if (position + 1 < message.size()) {
      if (!end) end = position + 2;
      position = Load16(&message[position]) & 0x3fff;
    } else {
      return false;
    }
  }
  return false;
}

// Walks a message whose pointers may lead anywhere: false where it is none even
// so. `visit` gets where the type of each record stands.
template <typename Visit>
bool WalkWithAnyPointers(const Bytes& message, Visit visit) {
  size_t at = kHeaderSize;
  for (int left = Load16(&message[4]); left > 0; --left) {
    if (!SkipAnyName(message, at) || (at += 4) > message.size()) return false;
  }
  for (int left = Load16(&message[6]) + Load16(&message[8]) + Load16(&message[10]); left > 0; --left) {
    if (!SkipAnyName(message, at) || at + 10 > message.size()) return false;
    visit(at);
    at += 10 + Load16(&message[at + 8]);
    if (at > message.size()) return false;
  }
  return true;
}

bool HasOddPointersAlone(const Bytes& message) {
  return WalkWithAnyPointers(message, [](size_t) {});
}

// The message with data that no parser looks into.
Bytes WithOpaqueData(const Bytes& message) {
  Bytes opaque = message;
  WalkWithAnyPointers(message, [&](size_t type) { Store16(&opaque[type], kOpaqueType); });
  return opaque;
}

struct Tally {
  int both = 0, neither = 0, ours_alone = 0, ldns_alone = 0;
};

void Compare(const Bytes& message, Tally& tally) {
  const OurReading ours = ReadByUs(message);
  const LdnsPacket ldns = ReadByLdns(message);
  if (ours.accepted && ldns) {
    ++tally.both;
    EXPECT_EQ(ours.text, ToText(*ldns)) << HexOf(message);
  } else if (ours.accepted) {
    ++tally.ours_alone;
    EXPECT_NE(ReadByLdns(WithOpaqueData(message)), nullptr) << "ldns alone refuses " << HexOf(message);
  } else if (ldns) {
    ++tally.ldns_alone;
    const bool by_length = ReadByLdns(WithOpaqueData(message)) != nullptr;
    EXPECT_TRUE(ours.bytes_behind || HasOddPointersAlone(message) || !by_length) << "we alone refuse " << HexOf(message);
  } else {
    ++tally.neither;
  }
}

TEST(MessageDifferentialTest, WholeMessagesAreReadAlike) {
  Tally tally;
  for (const Bytes& seed : MessageSeeds()) Compare(seed, tally);
  EXPECT_GT(tally.both, 40);
  EXPECT_EQ(tally.ldns_alone, 0);
}

TEST(MessageDifferentialTest, WhatWeWriteLdnsReads) {
  for (const Bytes& seed : MessageSeeds()) {
    const LdnsPacket before = ReadByLdns(seed);
    const MessageView view = *MessageView::Of(seed);
    const GuestQuery query = ParseGuestQuery(view);
    EXPECT_NE(ReadByLdns(EmptyReply(query, kNxDomain, ExtendedError{.code = kBlocked, .text = "x"})), nullptr);
    if (!before || !view.is_response()) continue;
    GuestQuery asked{.id = view.id()};
    MessageReader reader(view);
    Question question;
    ASSERT_TRUE(reader.NextQuestion(question));
    asked.question = question;
    const std::optional<Reply> reply = RelayReply(asked, view, {});
    ASSERT_TRUE(reply) << HexOf(seed);
    const LdnsPacket after = ReadByLdns(*reply);
    ASSERT_NE(after, nullptr) << HexOf(*reply);
    EXPECT_EQ(ToText(*after), ToText(*before));
  }
}

TEST(MessageDifferentialTest, MutationsAreReadAlike) {
  std::mt19937 random(4);
  const std::vector<Bytes> seeds = MessageSeeds();
  Tally tally;
  for (int round = 0; round < 50'000 && !HasFailure(); ++round) {
    Bytes message = seeds[random() % seeds.size()];
    for (int mutations = 1 + static_cast<int>(random() % 3); mutations > 0; --mutations) fuzz::Mutate(message, random);
    if (message.size() >= kHeaderSize) Compare(message, tally);
  }
  RecordProperty("both", tally.both);
  printf("both accept %d, both refuse %d, we alone accept %d, ldns alone accepts %d\n", tally.both, tally.neither,
         tally.ours_alone, tally.ldns_alone);
  EXPECT_GT(tally.both, 5'000);
  EXPECT_GT(tally.neither, 5'000);
}

}  // namespace
}  // namespace sluice::dns
