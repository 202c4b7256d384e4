#ifndef SLUICE_CLIENTS_CLI_TOP_SCREEN_H_
#define SLUICE_CLIENTS_CLI_TOP_SCREEN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "clients/cli/traffic.h"

namespace sluice::cli {

struct ScreenSize {
  size_t rows = 24;
  size_t columns = 80;
};

// What `sluice top` shows: the whole, sandboxes, and the remotes with the most
// traffic, each who carries most first. At most `size.rows` lines of at most
// `size.columns` characters, all Printable; what finds no room is counted.
std::vector<std::string> TopScreen(const Traffic& traffic, const ScreenSize& size, absl::TimeZone zone);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_TOP_SCREEN_H_
