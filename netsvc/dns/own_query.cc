#include "netsvc/dns/own_query.h"

#include <optional>
#include <utility>
#include <vector>

#include "netsvc/dns/message_view.h"
#include "netsvc/dns/message_writer.h"
#include "netsvc/dns/protocol.h"

namespace sluice::dns {

void AskOwn(Interceptor& interceptor, const Endpoint& resolver, const DomainName& name, uint16_t type,
            std::function<void(bool answered)> done) {
  std::vector<uint8_t> query;
  MessageWriter writer(query, kMaxMessageSize, /*id=*/0, kFlagRecursionDesired);
  writer.AddQuestion(WireName(name), type, kClassIn);
  // As over TCP: the answer is never cut short.
  const Asked asked{.transport = v1::PROTOCOL_TCP, .guest = resolver, .resolver = resolver, .own = true};
  interceptor.OnDatagram(asked, query, [done = std::move(done)](std::span<const uint8_t> message) {
    const std::optional<MessageView> answer = MessageView::Of(message);
    done(answer && (answer->rcode() == kNoError || answer->rcode() == kNxDomain));
  });
}

}  // namespace sluice::dns
