#ifndef SLUICE_NETSVC_AUDIT_CURSOR_H_
#define SLUICE_NETSVC_AUDIT_CURSOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::audit {

// How far a reader has come in each of many logs; a value. Clients hold it as
// an opaque, printable text.
class Cursor {
 public:
  static constexpr size_t kMaxTextSize = 1 << 20;

  // InvalidArgument, in words for the one who gave it: too long, not a cursor,
  // of a version that is not known.
  static absl::StatusOr<Cursor> FromText(absl::string_view text);
  // Letters, digits, '-', '_' and '.'. About 15 bytes a log.
  std::string ToText() const;

  // The log of the sandbox with this uid is to be read from `next_sequence` on.
  void Set(absl::string_view sandbox_uid, uint64_t next_sequence);
  // Of a log that will never be read again.
  void Erase(absl::string_view sandbox_uid);
  // Nothing for a log that the cursor does not speak of.
  std::optional<uint64_t> Get(absl::string_view sandbox_uid) const;

 private:
  // By a 64-bit hash of the uid: uids are the server's own making.
  std::map<uint64_t, uint64_t> next_sequences_;
};

}  // namespace sluice::audit

#endif  // SLUICE_NETSVC_AUDIT_CURSOR_H_
