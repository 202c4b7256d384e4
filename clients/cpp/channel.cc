#include "clients/cpp/channel.h"

#include "grpc/grpc.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace sluice::client {

std::shared_ptr<grpc::Channel> Connect(const std::string& server,
                                       const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  // Held until the process ends: gRPC 1.51 may wait 10 s for one of its own
  // pollers when it shuts down.
  grpc_init();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageSize);
  // http_proxy is for the web, not for the way to our own server.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(server, credentials, arguments);
}

}  // namespace sluice::client
