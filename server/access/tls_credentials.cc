#include "server/access/tls_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/operator_file.h"

namespace sluice {
namespace {

constexpr char kCertificateFlag[] = "--tls_cert";
constexpr char kKeyFlag[] = "--tls_key";
constexpr char kAuthorityFlag[] = "--tls_client_ca";

// How often gRPC looks at the files it is shown.
constexpr unsigned kRefreshSeconds = 1;

struct OpensslFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
template <typename T>
using Owned = std::unique_ptr<T, OpensslFree>;

// For keys that are encrypted; else the terminal would be asked for one.
void* NoPassword() { return const_cast<char*>(""); }

absl::Status NotRight(const char* flag, const std::string& path, const char* what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", path, " is not a file with ", what, " in PEM"));
}

// To the first NUL, as gRPC reads it.
Owned<BIO> Reader(const std::string& pem) { return Owned<BIO>(BIO_new_mem_buf(pem.c_str(), -1)); }

// None where one of them is broken.
std::vector<Owned<X509>> ParseCertificates(const std::string& pem) {
  const Owned<BIO> reader = Reader(pem);
  std::vector<Owned<X509>> certificates;
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509_AUX(reader.get(), nullptr, nullptr, NoPassword())) {
    certificates.emplace_back(certificate);
  }
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) certificates.clear();
  return certificates;
}

bool Use(SSL_CTX* context, const std::vector<Owned<X509>>& chain) {
  if (chain.empty() || SSL_CTX_use_certificate(context, chain.front().get()) != 1) return false;
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return false;
  }
  return true;
}

// Empty where OpenSSL fails.
std::string ToPem(EVP_PKEY* key) {
  const Owned<BIO> writer(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(writer.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) return "";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(writer.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

// The key, then the certificate and its chain. The key goes first, and without what
// else is in its file, so that gRPC finds these and no others, also where one file
// holds all.
absl::StatusOr<std::string> ReadIdentity(const TlsFiles& files) {
  const absl::StatusOr<std::string> certificate = ReadOperatorFile(kCertificateFlag, files.certificate);
  if (!certificate.ok()) return certificate;
  const absl::StatusOr<std::string> key_text = ReadOperatorFile(kKeyFlag, files.key);
  if (!key_text.ok()) return key_text;
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return absl::InternalError("OpenSSL makes no context");
  if (!Use(context.get(), ParseCertificates(*certificate))) {
    return NotRight(kCertificateFlag, files.certificate, "a certificate");
  }
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(Reader(*key_text).get(), nullptr, nullptr, NoPassword()));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return NotRight(kKeyFlag, files.key, "the certificate's private key");
  }
  const std::string pem = ToPem(key.get());
  if (pem.empty()) return absl::InternalError("OpenSSL writes no key");
  return absl::StrCat(pem, *certificate);
}

absl::StatusOr<std::string> ReadClientAuthority(const std::string& path) {
  absl::StatusOr<std::string> text = ReadOperatorFile(kAuthorityFlag, path);
  if (text.ok() && ParseCertificates(*text).empty()) return NotRight(kAuthorityFlag, path, "certificates");
  return text;
}

absl::StatusOr<UniqueFd> ToMemory(const absl::StatusOr<std::string>& bytes) {
  if (!bytes.ok()) return bytes.status();
  return MemoryFile::Prepare(*bytes);
}

grpc_ssl_client_certificate_request_type WhatIsAsked(const TlsFiles& files) {
  if (files.client_authority.empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  if (files.certificate_is_optional) return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsCredentials>> TlsCredentials::Load(const TlsFiles& files) {
  std::unique_ptr<TlsCredentials> tls(new TlsCredentials(files));
  // Followed before they are read: no change falls in between.
  if (const absl::Status status = tls->Follow(); !status.ok()) return status;
  if (const absl::Status status = tls->Read(); !status.ok()) return status;
  tls->credentials_ = tls->Make();
  tls->watcher_->Start([raw = tls.get()](size_t) { raw->Reload(); });
  return tls;
}

absl::Status TlsCredentials::Follow() {
  std::vector<std::string> paths = {files_.certificate, files_.key};
  if (!files_.client_authority.empty()) paths.push_back(files_.client_authority);
  absl::StatusOr<std::unique_ptr<FileWatcher>> watcher = FileWatcher::Create(std::move(paths));
  if (!watcher.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls_cert, --tls_key, --tls_client_ca: cannot be watched: ", watcher.status().message()));
  }
  watcher_ = *std::move(watcher);
  return absl::OkStatus();
}

absl::Status TlsCredentials::Read() {
  const MutexLock lock(reload_mutex_);
  absl::StatusOr<UniqueFd> identity = ToMemory(ReadIdentity(files_));
  if (!identity.ok()) return identity.status();
  if (files_.client_authority.empty()) return identity_.Replace(*std::move(identity));
  absl::StatusOr<UniqueFd> authority = ToMemory(ReadClientAuthority(files_.client_authority));
  if (!authority.ok()) return authority.status();
  // Both are there: what can fail has been done.
  if (absl::Status status = identity_.Replace(*std::move(identity)); !status.ok()) return status;
  return client_authority_.Replace(*std::move(authority));
}

void TlsCredentials::Reload() {
  if (const absl::Status status = Read(); !status.ok()) {
    spdlog::error("TLS stays as it was: {}", std::string(status.message()));
    return;
  }
  spdlog::info("TLS certificates are read again");
}

std::shared_ptr<grpc::ServerCredentials> TlsCredentials::Make() {
  const MutexLock lock(reload_mutex_);
  using grpc::experimental::FileWatcherCertificateProvider;
  const bool has_authority = !files_.client_authority.empty();
  grpc::experimental::TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
      identity_.path(), identity_.path(), has_authority ? client_authority_.path() : "", kRefreshSeconds));
  options.watch_identity_key_cert_pairs();
  if (has_authority) options.watch_root_certs();
  options.set_cert_request_type(WhatIsAsked(files_));
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace sluice
