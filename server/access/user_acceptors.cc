#include "server/access/user_acceptors.h"

#include <utility>

namespace sluice {

using ConnectionType = grpc::ServerBuilder::experimental_type::ExternalConnectionType;

UserAcceptors::Slot UserAcceptors::MakeSlot(grpc_local_connect_type type, const AccessControl& access, AccessLog& log,
                                            grpc::ServerBuilder& builder) {
  Slot slot;
  slot.doorkeeper = std::make_shared<Doorkeeper>(access, log);
  const std::shared_ptr<grpc::ServerCredentials> credentials = grpc::experimental::LocalServerCredentials(type);
  credentials->SetAuthMetadataProcessor(slot.doorkeeper);
  slot.acceptor = builder.experimental().AddExternalConnectionAcceptor(ConnectionType::FROM_FD, credentials);
  return slot;
}

UserAcceptors::UserAcceptors(size_t count, grpc_local_connect_type type, const AccessControl& access, AccessLog& log,
                             grpc::ServerBuilder& builder) {
  if (count == 0) return;
  for (size_t i = 0; i < count; ++i) slots_.push_back(MakeSlot(type, access, log, builder));
  strangers_ = MakeSlot(type, access, log, builder);
  strangers_.doorkeeper->SetStrangers();
}

bool UserAcceptors::Take(uid_t uid, UniqueFd connection) {
  const auto [at, is_new] = of_user_.try_emplace(uid, of_user_.size());
  if (at->second >= slots_.size()) {
    of_user_.erase(at);
    return false;
  }
  const Slot& slot = slots_[at->second];
  if (is_new) slot.doorkeeper->SetUser(uid);
  GiveTo(*slot.acceptor, std::move(connection));
  return true;
}

void UserAcceptors::TakeStranger(UniqueFd connection) { GiveTo(*strangers_.acceptor, std::move(connection)); }

void GiveTo(grpc::experimental::ExternalConnectionAcceptor& acceptor, UniqueFd connection) {
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = connection.release();
  acceptor.HandleNewConnection(&parameters);
}

}  // namespace sluice
