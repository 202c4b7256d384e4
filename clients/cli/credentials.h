#ifndef SLUICE_CLIENTS_CLI_CREDENTIALS_H_
#define SLUICE_CLIENTS_CLI_CREDENTIALS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"

namespace sluice::cli {

// Files by which a server over TLS is known and told who calls; "" where there is
// none.
struct CredentialFiles {
  std::string authority;    // whose server is trusted, PEM
  std::string certificate;  // of the client and its chain, PEM
  std::string key;          // its private key, PEM
  std::string token;        // a bearer token, and perhaps an end of line
};

// What stands in them. Without an authority the connection is in clear.
struct Credentials {
  std::string authority;
  std::string certificate;
  std::string key;
  std::string token;
};

// A server, and how to come to it.
struct Server {
  std::string address = "unix:/run/sluice/sluice.sock";  // or "HOST:PORT"
  Credentials credentials;
};

// InvalidArgument in words where the files do not belong together or cannot be
// read. A token is sent over TLS alone. Starts nothing of gRPC, whose threads
// would take the signals that a SignalWatch made later waits for.
absl::StatusOr<Credentials> ReadCredentials(const CredentialFiles& files);

std::shared_ptr<grpc::ChannelCredentials> ForChannel(const Credentials& credentials);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_CREDENTIALS_H_
