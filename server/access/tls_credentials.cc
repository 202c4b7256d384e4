#include "server/access/tls_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// How often files are looked at.
constexpr unsigned kRefreshSeconds = 1;

// gRPC would say what is wrong with them in its own log alone.
absl::Status CheckFiles(const TlsFiles& files) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (context == nullptr) return absl::InternalError("OpenSSL makes no context");
  const auto problem = [](const char* flag, const std::string& path, const char* what) {
    return absl::FailedPreconditionError(absl::StrCat(flag, "=", path, " ", what));
  };
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return problem("--tls_cert", files.certificate, "is not a file with a certificate in PEM");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return problem("--tls_key", files.key, "is not a file with the certificate's private key in PEM");
  }
  if (!files.client_authority.empty() &&
      SSL_CTX_load_verify_locations(context.get(), files.client_authority.c_str(), nullptr) != 1) {
    return problem("--tls_client_ca", files.client_authority, "is not a file with certificates in PEM");
  }
  return absl::OkStatus();
}

grpc_ssl_client_certificate_request_type WhatIsAsked(const TlsFiles& files) {
  if (files.client_authority.empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  if (files.certificate_is_optional) return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(const TlsFiles& files) {
  if (const absl::Status status = CheckFiles(files); !status.ok()) return status;
  using grpc::experimental::FileWatcherCertificateProvider;
  grpc::experimental::TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.certificate, files.client_authority, kRefreshSeconds));
  options.watch_identity_key_cert_pairs();
  if (!files.client_authority.empty()) options.watch_root_certs();
  options.set_cert_request_type(WhatIsAsked(files));
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace sluice
