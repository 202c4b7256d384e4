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
  if (text.ok() && text->empty()) return absl::InvalidArgumentError(absl::StrCat(flag, "=", path, ": the file is empty"));
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

absl::StatusOr<Credentials> ReadCredentials(const CredentialFiles& files) {
  if (absl::Status status = CheckTogether(files); !status.ok()) return status;
  absl::StatusOr<std::string> authority = Read("--tls_ca", files.authority);
  if (!authority.ok()) return authority.status();
  absl::StatusOr<std::string> certificate = Read("--tls_cert", files.certificate);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = Read("--tls_key", files.key);
  if (!key.ok()) return key.status();
  absl::StatusOr<std::string> token = Read("--token_file", files.token);
  if (!token.ok()) return token.status();
  return Credentials{.authority = *std::move(authority),
                     .certificate = *std::move(certificate),
                     .key = *std::move(key),
                     .token = std::string(absl::StripAsciiWhitespace(*token))};
}

std::shared_ptr<grpc::ChannelCredentials> ForChannel(const Credentials& credentials) {
  if (credentials.authority.empty()) return grpc::InsecureChannelCredentials();
  const std::shared_ptr<grpc::ChannelCredentials> tls =
      grpc::SslCredentials({.pem_root_certs = credentials.authority,
                            .pem_private_key = credentials.key,
                            .pem_cert_chain = credentials.certificate});
  if (credentials.token.empty()) return tls;
  return grpc::CompositeChannelCredentials(tls, grpc::AccessTokenCredentials(credentials.token));
}

}  // namespace sluice::cli
