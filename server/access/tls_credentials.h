#ifndef SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_
#define SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/access/memory_file.h"
#include "server/base/mutex.h"
#include "server/core/file_watcher.h"

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

// The server's part in TLS, read again when its files change. Any thread. Outlives
// the server that has its credentials.
//
// gRPC takes new certificates from files alone, and takes whatever is in them. So it
// is shown files in memory, with bytes that were found right: key and certificate are
// one file, for it reads two files one after the other.
class TlsCredentials {
 public:
  // InvalidArgument, one sentence that begins with the flag, where a file is not
  // right. Follows the files from then on: a version that is not right, or a key that
  // is not the certificate's, is logged and changes nothing.
  static absl::StatusOr<std::unique_ptr<TlsCredentials>> Load(const TlsFiles& files);

  // Reads the files again, as it does when they change. Connections that begin a
  // second later have what was read.
  void Reload();

  const std::shared_ptr<grpc::ServerCredentials>& get() const { return credentials_; }

 private:
  explicit TlsCredentials(TlsFiles files) : files_(std::move(files)) {}

  absl::Status Follow();
  absl::Status Read();
  std::shared_ptr<grpc::ServerCredentials> Make();

  const TlsFiles files_;
  Mutex reload_mutex_;                                 // one at a time reads the files
  MemoryFile identity_ GUARDED_BY(reload_mutex_);      // the key, then the certificate and its chain
  MemoryFile client_authority_ GUARDED_BY(reload_mutex_);
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::unique_ptr<FileWatcher> watcher_;  // ends first
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_TLS_CREDENTIALS_H_
