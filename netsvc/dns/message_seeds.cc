#include "netsvc/dns/message_seeds.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/dns/rdata.h"

namespace sluice::dns {
namespace {

constexpr char kName[] = "web.example.test";
// Record types with data of their own: every row of LayoutOf and some without.
constexpr uint16_t kTypes[] = {1,  2,  3,  5,  6,  7,  12, 13, 14, 15, 16, 17, 18, 21, 24, 26, 28,  30, 33,
                               35, 36, 39, 43, 46, 47, 48, 50, 52, 58, 64, 65, 99, 107, 257, 65280};

Bytes Concat(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes WireOf(absl::string_view name) {
  const WireName wire = NameOf(name);
  return {wire.bytes().begin(), wire.bytes().end()};
}

// Data as `type` has it: its fixed bytes, strings and names, and some after.
Bytes RdataFor(uint16_t type) {
  if (type == kTypeA) return {93, 184, 216, 34};
  if (type == kTypeAaaa) return Bytes(16, 0x26);
  const RdataLayout layout = LayoutOf(type);
  Bytes data(layout.fixed, 1);
  for (int i = 0; i < layout.strings; ++i) data = Concat({data, {3, 'a', 'b', 'c'}});
  for (int i = 0; i < layout.names; ++i) data = Concat({data, WireOf(absl::StrCat("n", i, ".Example.test"))});
  if (type == kTypeSoa) return Concat({data, Bytes(20, 1)});
  const bool open_ended = layout.names == 0 || type == 24 || type == 30 || type == 46 || type == 47;
  return open_ended ? Concat({data, {4, 't', 'a', 'i', 'l'}}) : data;
}

void AddQueries(std::vector<Bytes>& seeds) {
  for (const uint16_t type : {kTypeA, kTypeAaaa, kTypeHttps, kTypeAny, kTypeAxfr}) {
    seeds.push_back(QueryFor(kName, type));
    seeds.push_back(EdnsQueryFor("wEb.eXaMple.TEST", type));
  }
  seeds.push_back(QueryFor(".", kTypeNs));
  seeds.push_back(QueryFor(absl::StrCat(std::string(63, 'a'), ".", std::string(63, 'b'), ".", std::string(63, 'c'), ".",
                                        std::string(61, 'd')),
                           kTypeTxt));
  Bytes two = QueryFor(kName, kTypeA);
  Store16(&two[4], 2);
  seeds.push_back(Concat({two, {0xc0, 0x0c, 0, 1, 0, 1}}));
  Bytes looped = QueryFor(kName, kTypeA);
  Store16(&looped[kHeaderSize], 0xc00c);
  seeds.push_back(looped);
  Bytes options = EdnsQueryFor(kName, kTypeA);
  Store16(&options[options.size() - 2], 12);
  seeds.push_back(Concat({options, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}}));  // a cookie
}

void AddAnswers(std::vector<Bytes>& seeds) {
  for (const uint16_t type : kTypes) {
    seeds.push_back(TestAnswer(kName, type).Raw(kName, type, RdataFor(type)).Raw(kName, type, RdataFor(type)).bytes());
  }
  seeds.push_back(TestAnswer(kName, kTypeA)
                      .Cname(kName, "cdn.example.test")
                      .Ttl(20)
                      .Address("cdn.example.test", "93.184.216.34")
                      .Authority()
                      .Raw("example.test", kTypeNs, WireOf("ns.example.test"))
                      .Additional()
                      .Address("ns.example.test", "2606:2800:220:1::1")
                      .Raw(".", kTypeOpt, Bytes{0, 15, 0, 2, 0, 0}, 1232)
                      .bytes());
  seeds.push_back(TestAnswer(kName, kTypeA, kNxDomain).Authority().Soa("test", 60).bytes());
  for (const char* address : {"10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "64:ff9b::5db8:d822", "0.0.0.0"}) {
    seeds.push_back(TestAnswer(kName, kTypeA).Additional().Address("ns.test", address).bytes());
  }
  // The owner and the target by pointers, in data too.
  Bytes pointed = QueryFor(kName, kTypeCname);
  Store16(&pointed[2], kFlagResponse);
  Store16(&pointed[6], 2);
  const Bytes record = {0xc0, 0x0c, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3, 'c', 'd', 'n', 0xc0, 0x10};
  seeds.push_back(Concat({pointed, record, record}));
}

void AddServices(std::vector<Bytes>& seeds) {
  const Bytes mandatory = SvcParamBytes(kSvcMandatory, Bytes{0, 4, 0, 5});
  const Bytes alpn = SvcParamBytes(1, Bytes{2, 'h', '2'});
  const Bytes hints4 = SvcParamBytes(kSvcIpv4Hint, Bytes{93, 184, 216, 34, 10, 1, 2, 3});
  const Bytes ech = SvcParamBytes(kSvcEch, Bytes(40, 0xfe));
  const Bytes hints6 = SvcParamBytes(kSvcIpv6Hint, Bytes(16, 0x26));
  for (const Bytes& params : {Bytes(), alpn, hints4, ech, hints6, Concat({mandatory, alpn, hints4, ech, hints6})}) {
    seeds.push_back(TestAnswer(kName, kTypeHttps).Https(kName, params).bytes());
  }
}

}  // namespace

std::vector<Bytes> MessageSeeds() {
  std::vector<Bytes> seeds;
  AddQueries(seeds);
  AddAnswers(seeds);
  AddServices(seeds);
  return seeds;
}

}  // namespace sluice::dns
