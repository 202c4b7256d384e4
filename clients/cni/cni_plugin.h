#ifndef SLUICE_CLIENTS_CNI_CNI_PLUGIN_H_
#define SLUICE_CLIENTS_CNI_CNI_PLUGIN_H_

#include "clients/cni/cni_error.h"
#include "clients/cni/cni_request.h"

namespace sluice::cni {

// Does what a request asks, at its server. Blocks.
Outcome Run(const Request& request);

}  // namespace sluice::cni

#endif  // SLUICE_CLIENTS_CNI_CNI_PLUGIN_H_
