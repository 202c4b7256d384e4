#include "netsvc/dns/tcp_server.h"

#include <utility>

namespace sluice::dns {

TcpServer::~TcpServer() {
  while (!sessions_.empty()) sessions_.begin()->second->Close();
}

void TcpServer::Add(const Asked& asked, UniqueFd stream) {
  if (sessions_.size() >= kMaxSessions && !MakeRoom()) {
    ++counters_.refused;
    return;
  }
  ++counters_.accepted;
  const uint64_t id = ++last_id_;
  auto session = std::make_shared<TcpSession>(loop_, asked, std::move(stream), handler_, [this, id] { Remove(id); });
  sessions_.emplace(id, session);
  session->Start();
}

bool TcpServer::MakeRoom() {
  TcpSession* oldest = nullptr;
  for (const auto& [id, session] : sessions_) {
    if (!session->idle()) continue;
    if (oldest == nullptr || session->last_active() < oldest->last_active()) oldest = session.get();
  }
  if (oldest == nullptr) return false;
  ++counters_.evicted;
  oldest->Close();
  return true;
}

void TcpServer::Remove(uint64_t id) {
  const auto found = sessions_.find(id);
  loop_.Post([session = std::move(found->second)] {});
  sessions_.erase(found);
}

}  // namespace sluice::dns
