#ifndef SLUICE_CLIENTS_CPP_CHANNEL_H_
#define SLUICE_CLIENTS_CPP_CHANNEL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace sluice::client {

// Of one answer: a policy of 65,536 rules and 10,000 blocked domains fits.
inline constexpr int kMaxMessageSize = 64 << 20;

// A channel to a server at "unix:PATH" or "HOST:PORT". Connects with the first
// call; any thread may use it, and any number of sandboxes share it.
//
//   auto channel = sluice::client::Connect("unix:/run/sluice.sock");
std::shared_ptr<grpc::Channel> Connect(
    const std::string& server,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials());

}  // namespace sluice::client

#endif  // SLUICE_CLIENTS_CPP_CHANNEL_H_
