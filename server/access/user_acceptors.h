#ifndef SLUICE_SERVER_ACCESS_USER_ACCEPTORS_H_
#define SLUICE_SERVER_ACCESS_USER_ACCEPTORS_H_

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <vector>

#include "netsvc/base/unique_fd.h"
#include "server/access/doorkeeper.h"

namespace sluice {

// Hands connections of this host to gRPC, so that calls on them tell whose they
// are. gRPC keeps nothing of a connection's descriptor that a call could see, but
// the credentials of the acceptor that it came by: so each user has an acceptor,
// from the first connection on. One thread.
class UserAcceptors {
 public:
  // At most `count` users; 0 takes nobody. `type`: which connections gRPC takes for local.
  UserAcceptors(size_t count, grpc_local_connect_type type, const AccessControl& access, AccessLog& log,
                grpc::ServerBuilder& builder);

  // False where there is no acceptor left for a user who is new: closed.
  bool Take(uid_t uid, UniqueFd connection);
  // Of a user who may not call: every call is UNAUTHENTICATED, with a token or without.
  void TakeStranger(UniqueFd connection);

 private:
  struct Slot {
    std::shared_ptr<Doorkeeper> doorkeeper;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  };

  static Slot MakeSlot(grpc_local_connect_type type, const AccessControl& access, AccessLog& log,
                       grpc::ServerBuilder& builder);

  std::vector<Slot> slots_;
  Slot strangers_;
  std::map<uid_t, size_t> of_user_;
};

// gRPC's from then on.
void GiveTo(grpc::experimental::ExternalConnectionAcceptor& acceptor, UniqueFd connection);

}  // namespace sluice

#endif  // SLUICE_SERVER_ACCESS_USER_ACCEPTORS_H_
