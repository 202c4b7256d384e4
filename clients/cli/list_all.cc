#include "clients/cli/list_all.h"

namespace sluice::cli {
namespace {

// The largest page that the API gives.
constexpr int kPageSize = 1000;

}  // namespace

grpc::Status ListAll(Client& client, v1::ListSandboxesRequest request, std::vector<v1::Sandbox>& sandboxes) {
  request.set_page_size(kPageSize);
  do {
    v1::ListSandboxesResponse response;
    const grpc::Status status = client.Call(&v1::SandboxService::Stub::ListSandboxes, request, &response);
    if (!status.ok()) return status;
    sandboxes.insert(sandboxes.end(), response.sandboxes().begin(), response.sandboxes().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return grpc::Status::OK;
}

}  // namespace sluice::cli
