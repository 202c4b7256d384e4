#include "netsvc/dns/protocol.h"

#include <algorithm>
#include <array>
#include <span>

#include "absl/strings/str_cat.h"

namespace sluice::dns {
namespace {

struct Named {
  uint16_t number;
  const char* name;
};

// In order of number.
constexpr Named kTypes[] = {
    {1, "A"},       {2, "NS"},       {5, "CNAME"},       {6, "SOA"},    {10, "NULL"},   {11, "WKS"},
    {12, "PTR"},    {13, "HINFO"},   {14, "MINFO"},      {15, "MX"},    {16, "TXT"},    {17, "RP"},
    {18, "AFSDB"},  {24, "SIG"},     {25, "KEY"},        {28, "AAAA"},  {29, "LOC"},    {33, "SRV"},
    {35, "NAPTR"},  {36, "KX"},      {37, "CERT"},       {39, "DNAME"}, {41, "OPT"},    {42, "APL"},
    {43, "DS"},     {44, "SSHFP"},   {45, "IPSECKEY"},   {46, "RRSIG"}, {47, "NSEC"},   {48, "DNSKEY"},
    {49, "DHCID"},  {50, "NSEC3"},   {51, "NSEC3PARAM"}, {52, "TLSA"},  {53, "SMIMEA"}, {55, "HIP"},
    {59, "CDS"},    {60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {62, "CSYNC"}, {63, "ZONEMD"}, {64, "SVCB"},
    {65, "HTTPS"},  {99, "SPF"},     {104, "NID"},       {105, "L32"},  {106, "L64"},   {107, "LP"},
    {108, "EUI48"}, {109, "EUI64"},  {249, "TKEY"},      {250, "TSIG"}, {251, "IXFR"},  {252, "AXFR"},
    {253, "MAILB"}, {254, "MAILA"},  {255, "ANY"},       {256, "URI"},  {257, "CAA"},   {32769, "DLV"},
};

constexpr Named kRcodes[] = {
    {0, "NOERROR"},  {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"}, {4, "NOTIMP"},   {5, "REFUSED"},
    {6, "YXDOMAIN"}, {7, "YXRRSET"}, {8, "NXRRSET"},  {9, "NOTAUTH"},  {10, "NOTZONE"}, {16, "BADVERS"},
};

std::string NameOf(std::span<const Named> table, uint16_t number, const char* otherwise) {
  const auto found = std::lower_bound(table.begin(), table.end(), number,
                                      [](const Named& entry, uint16_t wanted) { return entry.number < wanted; });
  if (found != table.end() && found->number == number) return found->name;
  return absl::StrCat(otherwise, number);
}

}  // namespace

std::string TypeName(uint16_t type) { return NameOf(kTypes, type, "TYPE"); }

std::string RcodeName(uint16_t rcode) { return NameOf(kRcodes, rcode, "RCODE"); }

}  // namespace sluice::dns
