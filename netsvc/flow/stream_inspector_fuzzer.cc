// A hostile guest's first bytes through the stream inspector, beside two that read
// them in their own way: OpenSSL's server, and the laxest reader of HTTP. Whatever
// host one of these would serve, the inspector has named it, or refused.

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "netsvc/flow/host_text.h"
#include "netsvc/flow/stream_inspector.h"
#include "tests/fuzz/require.h"

namespace sluice::flow {
namespace {

using Bytes = std::span<const uint8_t>;
using Outcome = Inspection::Outcome;

struct ServersView {
  bool hello = false;  // a ClientHello was read
  std::optional<std::string> server_name;
};

int OnServerName(SSL* ssl, int*, void* view) {
  auto& seen = *static_cast<ServersView*>(view);
  seen.hello = true;
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) seen.server_name = name;
  return SSL_TLSEXT_ERR_ALERT_FATAL;  // no more is of interest
}

SSL_CTX* ServerContext() {
  static SSL_CTX* const context = [] {
    SSL_CTX* const made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_tlsext_servername_callback(made, OnServerName);
    return made;
  }();
  return context;
}

ServersView OpensslView(Bytes stream) {
  ServersView view;
  SSL_CTX_set_tlsext_servername_arg(ServerContext(), &view);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(ServerContext()), SSL_free);
  BIO* const from_client = BIO_new(BIO_s_mem());
  BIO_write(from_client, stream.data(), static_cast<int>(stream.size()));
  SSL_set_bio(ssl.get(), from_client, BIO_new(BIO_s_mem()));
  SSL_accept(ssl.get());
  return view;
}

void CompareWithOpenssl(Bytes stream, const Inspection& inspection) {
  const ServersView view = OpensslView(stream);
  if (!view.hello || inspection.outcome == Outcome::kUnreadable) return;
  const Inspection expected = view.server_name ? InspectHost(*view.server_name) : Inspection::Nameless();
  FUZZ_REQUIRE(inspection == expected);
}

// Lines end with LF or CR, words with any white space; a request is three words
// the last of which begins with HTTP/, and ends with an empty line.
struct LaxRequest {
  bool whole = false;
  std::vector<absl::string_view> hosts;
};

LaxRequest ReadLax(absl::string_view text) {
  LaxRequest request;
  bool started = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    if (!started && line.empty()) continue;
    if (!started) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      if (words.size() != 3 || !absl::StartsWithIgnoreCase(words[2], "HTTP/")) return {};
      started = true;
    } else if (line.empty()) {
      request.whole = true;
      return request;
    } else if (absl::StartsWithIgnoreCase(line, "host:")) {
      request.hosts.push_back(line.substr(5));
    }
  }
  return {};
}

absl::string_view Trimmed(absl::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsTokenWord(absl::string_view text) {
  const absl::string_view word = text.substr(0, text.find_first_of(" \t"));
  for (const char c : word) {
    if (c <= ' ' || c >= 0x7f || absl::StrContains("\"(),/:;<=>?@[\\]{}", c)) return false;
  }
  return true;
}

void CompareWithLaxHttp(Bytes stream, const Inspection& inspection) {
  absl::string_view text(reinterpret_cast<const char*>(stream.data()), stream.size());
  const LaxRequest request = ReadLax(text);
  if (!request.whole || stream[0] >= 0x80) return;
  while (text[0] == '\r' || text[0] == '\n') text.remove_prefix(1);
  text = Trimmed(text);
  const absl::string_view target = Trimmed(text.substr(text.find_first_of(" \t")));
  const bool has_target = static_cast<uint8_t>(target[0]) > ' ' && target[0] != 0x7f;
  if (IsTokenWord(text) && has_target) FUZZ_REQUIRE(inspection.outcome != Outcome::kUnknown);
  if (inspection.outcome != Outcome::kNamed) return;
  for (const absl::string_view host : request.hosts) {
    FUZZ_REQUIRE(InspectAuthority(Trimmed(host)).name == inspection.name);
  }
}

// The first answer, however the bytes come, is the last.
void RequireOneAnswer(Bytes stream, const Inspection& inspection) {
  const size_t step = 1 + stream.size() / 64;
  for (size_t size = 0; size < stream.size(); size += step) {
    const Inspection earlier = InspectStream(stream.first(size));
    FUZZ_REQUIRE(earlier.undecided() || earlier == inspection);
  }
}

void Check(Bytes stream) {
  if (stream.empty()) return;
  const Inspection inspection = InspectStream(stream);
  FUZZ_REQUIRE(inspection.name.is_root() == (inspection.outcome != Outcome::kNamed));
  FUZZ_REQUIRE(stream.size() < kMaxInspected || !inspection.undecided());
  RequireOneAnswer(stream, inspection);
  if (stream.size() >= kMaxInspected) return;
  CompareWithOpenssl(stream, inspection);
  CompareWithLaxHttp(stream, inspection);
}

}  // namespace
}  // namespace sluice::flow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::flow::Check({data, size});
  return 0;
}
