#include "netsvc/flow/tls_client_hello.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/string_view.h"
#include "netsvc/base/big_endian.h"
#include "netsvc/flow/byte_reader.h"
#include "netsvc/flow/host_text.h"

namespace sluice::flow {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint8_t kHandshake = 22;  // RFC 8446 section 5.1
constexpr size_t kRecordHeaderSize = 5;
constexpr size_t kMaxRecordSize = 1 << 14;
constexpr uint8_t kClientHello = 1;  // RFC 8446 section 4
constexpr size_t kHandshakeHeaderSize = 4;
constexpr size_t kRandomSize = 32;  // RFC 8446 section 4.1.2
constexpr size_t kMaxSessionIdSize = 32;
constexpr uint8_t kMajorVersion = 3;  // SSL 3.0 and all of TLS
constexpr uint16_t kServerName = 0;   // RFC 6066 section 3
constexpr uint8_t kHostName = 0;

absl::string_view AsText(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A list of one entry: RFC 6066 forbids two of a type, and has but this type.
Inspection InspectServerName(Bytes extension) {
  ByteReader outer(extension);
  ByteReader list(outer.Vector(2));
  const bool is_host_name = list.Integer(1) == kHostName;
  const Bytes name = list.Vector(2);
  const bool sound = outer.ok() && outer.empty() && list.ok() && list.empty();
  return sound && is_host_name ? InspectHost(AsText(name)) : Inspection::Unreadable();
}

Inspection InspectExtensions(Bytes bytes) {
  ByteReader extensions(bytes);
  std::optional<Bytes> server_name;
  while (!extensions.empty()) {
    const uint64_t type = extensions.Integer(2);
    const Bytes data = extensions.Vector(2);
    if (!extensions.ok()) return Inspection::Unreadable();
    if (type != kServerName) continue;
    if (server_name) return Inspection::Unreadable();
    server_name = data;
  }
  return server_name ? InspectServerName(*server_name) : Inspection::Nameless();
}

Inspection InspectClientHello(Bytes body) {
  ByteReader hello(body);
  const uint64_t major = hello.Integer(1);
  hello.Take(1 + kRandomSize);
  const Bytes session_id = hello.Vector(1);
  const Bytes ciphers = hello.Vector(2);
  const Bytes compressions = hello.Vector(1);
  const bool sound = hello.ok() && major == kMajorVersion && session_id.size() <= kMaxSessionIdSize &&
                     !ciphers.empty() && ciphers.size() % 2 == 0 && !compressions.empty();
  if (!sound) return Inspection::Unreadable();
  if (hello.empty()) return Inspection::Nameless();  // RFC 5246 section 7.4.1.2: extensions may be missing
  const Bytes extensions = hello.Vector(2);
  return hello.ok() && hello.empty() ? InspectExtensions(extensions) : Inspection::Unreadable();
}

}  // namespace

Inspection InspectHandshake(Bytes handshake) {
  if (handshake.empty()) return Inspection::Undecided();
  if (handshake[0] != kClientHello) return Inspection::Unreadable();
  if (handshake.size() < kHandshakeHeaderSize) return Inspection::Undecided();
  const size_t size = size_t{handshake[1]} << 16 | Load16(&handshake[2]);
  if (size > kMaxInspected - kHandshakeHeaderSize) return Inspection::Unreadable();
  const Bytes rest = handshake.subspan(kHandshakeHeaderSize);
  return rest.size() < size ? Inspection::Undecided() : InspectClientHello(rest.first(size));
}

Inspection InspectTls(Bytes stream) {
  std::array<uint8_t, kMaxInspected> handshake;
  size_t size = 0;
  while (stream.size() >= kRecordHeaderSize) {
    const size_t length = Load16(&stream[3]);
    const bool sound = stream[0] == kHandshake && stream[1] == kMajorVersion && length > 0 && length <= kMaxRecordSize;
    if (!sound) return Inspection::Unreadable();
    stream = stream.subspan(kRecordHeaderSize);
    const Bytes fragment = stream.first(std::min({length, stream.size(), handshake.size() - size}));
    std::ranges::copy(fragment, handshake.begin() + static_cast<ptrdiff_t>(size));
    size += fragment.size();
    Inspection inspection = InspectHandshake(std::span(handshake).first(size));
    if (!inspection.undecided() || fragment.size() < length) return inspection;
    stream = stream.subspan(length);
  }
  return Inspection::Undecided();
}

}  // namespace sluice::flow
