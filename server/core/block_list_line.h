#ifndef SLUICE_SERVER_CORE_BLOCK_LIST_LINE_H_
#define SLUICE_SERVER_CORE_BLOCK_LIST_LINE_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "netsvc/base/domain_name.h"

namespace sluice {

// Bytes; what is longer is skipped.
inline constexpr size_t kMaxBlockListLine = 1024;

enum class BlockListLine {
  kNothing,  // blank, a comment, a header
  kNames,    // all of it was understood
  kSkipped,  // some of it was not
};

// One line of a block list, in any of the forms that such lists have
// (docs/dns.md): calls `add` for each pattern that it names.
BlockListLine ReadBlockListLine(absl::string_view line, absl::FunctionRef<void(const DomainPattern&)> add);

}  // namespace sluice

#endif  // SLUICE_SERVER_CORE_BLOCK_LIST_LINE_H_
