#include "server/listen_options.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice {

bool IsLoopback(const IpAddress& address) {
  return address == *IpAddress::Parse("127.0.0.1") || address == *IpAddress::Parse("::1");
}

void ListenFlags::AddTo(CLI::App& app) {
  app.add_option("--listen", listen_, "unix:PATH or IP:PORT; may be repeated");
  app.add_flag("--allow_plaintext_tcp", options_.allow_plaintext_tcp, "listen on loopback TCP without TLS");
  app.add_option("--tls_cert", tls_.certificate, "the server's certificate and its chain, PEM: TCP speaks TLS");
  app.add_option("--tls_key", tls_.key, "its private key, PEM");
  app.add_option("--tls_client_ca", tls_.client_authority, "whose certificates clients show, PEM");
  app.add_option("--token_file", options_.token_file, "NAME SHA256 a line: bearer tokens of TLS clients");
  app.add_option("--access_policy", options_.access_policy, "who may do what, YAML; without it root and this user alone");
  app.add_option("--access_log", options_.access_log, "a line of JSON for each call: a file, or - for stderr");
  app.add_option("--max_streams_per_client", options_.max_streams_per_client, "streams that one caller may have open")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--max_connections_per_user", options_.max_connections_per_user,
                 "connections that one user of this host may have open, Unix sockets and loopback TCP together")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

absl::Status ListenFlags::AddListener(const std::string& text, ListenOptions& options) const {
  absl::string_view path = text;
  if (absl::ConsumePrefix(&path, "unix:")) {
    options.unix_sockets.emplace_back(path);
    return absl::OkStatus();
  }
  const std::optional<Endpoint> endpoint = Endpoint::Parse(text);
  if (!endpoint) return absl::InvalidArgumentError(absl::StrCat("--listen=", text, " is neither unix:PATH nor IP:PORT"));
  options.tcp_endpoints.push_back(*endpoint);
  if (options.tls) return absl::OkStatus();
  if (!IsLoopback(endpoint->address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen=", text, " is not a loopback address: TCP without TLS is for this host alone"));
  }
  if (options.allow_plaintext_tcp) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--listen=", text, " is TCP without TLS: add --allow_plaintext_tcp if that is meant"));
}

absl::Status ListenFlags::CheckTls(ListenOptions& options) const {
  if (tls_.certificate.empty() != tls_.key.empty()) {
    return absl::InvalidArgumentError("--tls_cert and --tls_key come together");
  }
  if (tls_.certificate.empty()) {
    if (tls_.client_authority.empty() && options.token_file.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--tls_client_ca and --token_file are for TLS: add --tls_cert and --tls_key");
  }
  if (options.allow_plaintext_tcp) {
    return absl::InvalidArgumentError("--allow_plaintext_tcp and --tls_cert exclude one another");
  }
  if (tls_.client_authority.empty() && options.token_file.empty()) {
    return absl::InvalidArgumentError("--tls_cert needs --tls_client_ca or --token_file: else nobody could call");
  }
  if (options.access_policy.empty()) {
    return absl::InvalidArgumentError("--tls_cert needs --access_policy: else nobody could call");
  }
  options.tls = tls_;
  options.tls->certificate_is_optional = !options.token_file.empty();
  return absl::OkStatus();
}

absl::StatusOr<ListenOptions> ListenFlags::Check() const {
  ListenOptions options = options_;
  if (absl::Status status = CheckTls(options); !status.ok()) return status;
  for (const std::string& text : listen_) {
    if (absl::Status status = AddListener(text, options); !status.ok()) return status;
  }
  // A service manager may have passed sockets instead (sd_listen_fds(3)).
  if (!listen_.empty() || std::getenv("LISTEN_FDS") != nullptr) return options;
  return absl::InvalidArgumentError("--listen is required");
}

}  // namespace sluice
