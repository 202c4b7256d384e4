#ifndef SLUICE_SERVER_LISTEN_OPTIONS_H_
#define SLUICE_SERVER_LISTEN_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "netsvc/base/endpoint.h"
#include "server/access/tls_credentials.h"

namespace sluice {

// Where the API is served, and to whom.
struct ListenOptions {
  std::vector<std::string> unix_sockets;  // paths to listen at
  std::vector<Endpoint> tcp_endpoints;    // addresses to listen at
  std::optional<TlsFiles> tls;            // of all TCP; absent: TCP is loopback, in clear
  bool allow_plaintext_tcp = false;
  // Paths; empty: none.
  std::string access_policy;
  std::string token_file;
  std::string access_log;  // "-": stderr
  uint32_t max_streams_per_client = 1000;
  uint32_t max_connections_per_user = 1000;  // of this host
};

// 127.0.0.1 or ::1: the addresses that gRPC takes for local, whose far ends the
// kernel knows.
bool IsLoopback(const IpAddress& address);

// The part of the command line that is about it.
class ListenFlags {
 public:
  void AddTo(CLI::App& app);
  // InvalidArgument, one sentence, for what cannot be meant. After parsing.
  absl::StatusOr<ListenOptions> Check() const;

 private:
  absl::Status CheckTls(ListenOptions& options) const;
  absl::Status AddListener(const std::string& text, ListenOptions& options) const;

  std::vector<std::string> listen_;
  TlsFiles tls_;
  ListenOptions options_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_LISTEN_OPTIONS_H_
