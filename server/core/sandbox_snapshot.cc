#include "server/core/sandbox_snapshot.h"

namespace sluice {
namespace {

v1::Sandbox WithoutLists(v1::Sandbox sandbox) {
  v1::NetworkConfig& network = *sandbox.mutable_network();
  network.mutable_policy()->clear_rules();
  network.mutable_dns()->clear_blocked_domains();
  network.mutable_dns()->clear_rebinding_exempt_domains();
  return sandbox;
}

}  // namespace

SandboxSnapshot::SandboxSnapshot(const v1::Sandbox& sandbox) : full_(sandbox), basic_(WithoutLists(sandbox)) {}

const v1::Sandbox& SandboxSnapshot::In(v1::SandboxView view, v1::SandboxView fallback) const {
  const v1::SandboxView chosen = view == v1::SANDBOX_VIEW_UNSPECIFIED ? fallback : view;
  return chosen == v1::SANDBOX_VIEW_FULL ? full_ : basic_;
}

}  // namespace sluice
