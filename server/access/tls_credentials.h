#ifndef SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_
#define SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace sluice {

// Where the server's part in TLS is: PEM files.
struct TlsFiles {
  std::string certificate;  // with the chain that leads to it
  std::string key;
  // Whose certificates clients may show. Empty: clients show none.
  std::string client_authority;
  // Clients may come without a certificate: they bear tokens.
  bool certificate_is_optional = false;
};

// Reads the files again when they change, every second. FailedPrecondition, one
// sentence with the file, where they are not right as it begins; later a version
// that is not right changes nothing.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(const TlsFiles& files);

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_
