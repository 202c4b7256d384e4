#ifndef SLUICE_CLIENTS_CLI_LIST_ALL_H_
#define SLUICE_CLIENTS_CLI_LIST_ALL_H_

#include <vector>

#include "clients/cli/client.h"

namespace sluice::cli {

// The sandboxes of every page, after those that are in `sandboxes` already.
grpc::Status ListAll(Client& client, v1::ListSandboxesRequest request, std::vector<v1::Sandbox>& sandboxes);

}  // namespace sluice::cli

#endif  // SLUICE_CLIENTS_CLI_LIST_ALL_H_
