#ifndef SLUICE_SERVER_ACCESS_DOOR_H_
#define SLUICE_SERVER_ACCESS_DOOR_H_

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "server/access/access_control.h"
#include "server/access/access_log.h"
#include "server/access/connection_limit.h"
#include "server/access/doorkeeper.h"
#include "server/access/listening_socket.h"
#include "server/access/refused_connections.h"
#include "server/access/strangers.h"
#include "server/access/user_acceptors.h"

namespace sluice {

// Takes connections in and hands them to gRPC, so that each call tells who is at
// its far end: the user of a Unix socket or of loopback TCP, by the kernel; the
// holder of a certificate or a token, by TLS.
//
// A user who may not call at all is answered so, for a moment (strangers.h). Hung up on,
// without a byte, is one who has as many connections as one may, and strangers where
// there are too many. Past kShareOfFiles of the descriptors that this
// process may have, everybody is, so that some are left for the work. One thread takes
// them all; it never waits for a peer.
class Door {
 public:
  // Users told apart in a server's life, for Unix sockets and for loopback TCP
  // each; more are refused.
  static constexpr size_t kMaxUsers = 64;
  static constexpr double kShareOfFiles = 0.75;
  // Of those, at most this part for one user of this host, whatever the options say.
  static constexpr size_t kUsersPart = 2;  // a half

  struct Options {
    std::vector<ListeningSocket> sockets;
    // Of TCP sockets. Absent: they are loopback, in clear.
    std::shared_ptr<grpc::ServerCredentials> tls;
    const AccessControl& access;  // both outlive the door and the server
    AccessLog& log;
    // That one user may have, Unix sockets and loopback TCP together. Clients who
    // come by TLS are nobody's until they call, and are not counted.
    size_t max_connections_of_one;
  };

  // Before `builder` builds the server.
  Door(Options options, grpc::ServerBuilder& builder);
  // Does what Close() does. Before the server is destroyed.
  ~Door();

  // Once the server stands.
  void Open();
  // Nobody comes in from then on; connections that stand stay.
  void Close();

  const std::vector<ListeningSocket>& sockets() const { return sockets_; }
  // Any thread.
  const RefusedConnections& refused() const { return refused_; }

 private:
  void Loop();
  void TakeOne(const ListeningSocket& socket);
  void HandOver(const ListeningSocket& socket, UniqueFd connection);
  UserAcceptors& UsersOf(const ListeningSocket& socket) { return socket.tcp() ? loopback_users_ : unix_users_; }
  // `who`: as a Caller is named, or "".
  void Refuse(RefusedConnections::Reason reason, const std::string& who);

  std::vector<ListeningSocket> sockets_;
  const AccessControl& access_;
  AccessLog& log_;
  const int max_fd_;
  RefusedConnections refused_;
  ConnectionLimit users_connections_;
  Strangers strangers_;
  UniqueFd stop_;  // an eventfd
  UserAcceptors unix_users_;
  UserAcceptors loopback_users_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> tls_;  // nothing: loopback_users_ are at TCP
  std::thread thread_;
};

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_DOOR_H_
