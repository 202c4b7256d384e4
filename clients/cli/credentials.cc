#include "clients/cli/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "netsvc/base/io.h"

namespace sluice::cli {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

// "" for no file.
absl::StatusOr<std::string> Read(const char* flag, const std::string& path) {
  if (path.empty()) return "";
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", path, ": ", text.status().message()));
}

absl::Status CheckTogether(const CredentialFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--tls_cert and --tls_key come together");
  }
  if (!files.authority.empty() || (files.certificate.empty() && files.token.empty())) return absl::OkStatus();
  return absl::InvalidArgumentError("--tls_cert and --token_file are for TLS: --tls_ca names whose server is trusted");
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadCredentials(const CredentialFiles& files) {
  if (absl::Status status = CheckTogether(files); !status.ok()) return status;
  if (files.authority.empty()) return grpc::InsecureChannelCredentials();
  const absl::StatusOr<std::string> authority = Read("--tls_ca", files.authority);
  if (!authority.ok()) return authority.status();
  const absl::StatusOr<std::string> certificate = Read("--tls_cert", files.certificate);
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<std::string> key = Read("--tls_key", files.key);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> token = Read("--token_file", files.token);
  if (!token.ok()) return token.status();
  const std::shared_ptr<grpc::ChannelCredentials> tls =
      grpc::SslCredentials({.pem_root_certs = *authority, .pem_private_key = *key, .pem_cert_chain = *certificate});
  if (files.token.empty()) return tls;
  return grpc::CompositeChannelCredentials(
      tls, grpc::AccessTokenCredentials(std::string(absl::StripAsciiWhitespace(*token))));
}

}  // namespace sluice::cli
