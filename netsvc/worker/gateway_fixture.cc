#include "netsvc/worker/gateway_fixture.h"

#include <fcntl.h>
#include <stdlib.h>

#include <array>
#include <utility>
#include <variant>

#include "google/protobuf/text_format.h"
#include "netsvc/audit/log_reader.h"
#include "netsvc/audit/log_writer.h"
#include "netsvc/link/fake_link.h"

namespace sluice {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

internal::v1::Interface DefaultInterface() {
  return Parse<internal::v1::Interface>(
      R"(ipv4_subnet: "10.0.2.0/24" ipv4_address: "10.0.2.15" ipv4_gateway: "10.0.2.2" ipv4_dns: "10.0.2.3"
         ipv6_subnet: "fd73:6c75:6963:1::/64" ipv6_address: "fd73:6c75:6963:1::f"
         ipv6_gateway: "fd73:6c75:6963:1::2" ipv6_dns: "fd73:6c75:6963:1::3"
         mac: "02:73:6c:00:00:0f" mtu: 1500)");
}

std::shared_ptr<const policy::CompiledPolicy> Compile(const std::string& text) {
  return policy::CompiledPolicy::Compile(Parse<v1::NetworkPolicy>(text)).value();
}

policy::AddressGroups::Options GroupOptions(const Subnet& subnet) {
  return {.gateway = {IpPrefix(subnet.ipv4.gateway, 32), IpPrefix(subnet.ipv4.dns, 32), subnet.ipv6.prefix},
          .extra_host = {},
          .nat64 = {}};
}

}  // namespace

GatewayFixture::GatewayFixture(const std::string& dns_config)
    : subnet_(Subnet::FromProto(DefaultInterface()).value()), groups_(GroupOptions(subnet_)) {
  std::string path = testing::TempDir() + "/logXXXXXX";
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  log_path_ = path;
  auto log = audit::LogWriter::Open(UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY)),
                                    {.sandbox_id = "test", .sandbox_uid = "uid"}, loop_.clock());
  EXPECT_TRUE(log.ok()) << log.status();
  audit_ = std::make_unique<AuditTrail>(loop_, *std::move(log));
  audit_->ShowIn(link_.captures());
  judge_ = std::make_unique<policy::Judge>(groups_, std::vector<Endpoint>{*Endpoint::Parse("127.0.0.1:50051")},
                                           Compile("preset: PRESET_PUBLIC_ONLY"));
  // Through a descriptor: a test's own folder is too long for a socket address.
  socket_directory_.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY));
  const std::string socket = "/proc/self/fd/" + std::to_string(socket_directory_.get()) + "/dns.sock";
  dns_ = *DnsRelay::Create(link_, subnet_, flows_, socket);
  dns::Interceptor::Options options;
  options.config = Parse<v1::DnsConfig>(dns_config);
  dns::Interceptor::Host& host = *this;
  interceptor_ = std::make_unique<dns::Interceptor>(loop_, upstream_, host, block_lists_, options);
  dns_->SetInterceptor(interceptor_.get());
  flow_judge_ = std::make_unique<FlowJudge>(
      FlowJudge::Parts{*judge_, bindings_, interceptor_->names(), options.config.require_resolved_addresses()});
  gateway_ = std::make_unique<Gateway>(
      Gateway::Parts{loop_, stack_, *audit_, link_, *judge_, *flow_judge_, bindings_, flows_, *dns_, subnet_, budget_});
  gateway_->AttachLink(std::make_unique<link::FakeLink>(to_guest_));
}

GatewayFixture::~GatewayFixture() = default;

void GatewayFixture::SetPolicy(const std::string& text) {
  judge_->SetPolicy(Compile(text));
  interceptor_->OnPolicyChanged();
  DropDenied();
}

void GatewayFixture::SetDns(const std::string& config) {
  interceptor_->SetConfig(Parse<v1::DnsConfig>(config));
  DropDenied();
}

void GatewayFixture::DropDenied() {
  bindings_.DropIf([this](const DomainName& name, const IpAddress& address) {
    return !flow_judge_->MayLead(name, address);
  });
}

packet::Addressing GatewayFixture::FromGuestTo(const Endpoint& remote, uint16_t port) const {
  return {subnet_.guest_mac, subnet_.gateway_mac, {subnet_.family(remote.address).guest, port}, remote};
}

packet::Addressing GatewayFixture::ToGuestFrom(const Endpoint& remote, uint16_t port) const {
  return {subnet_.gateway_mac, subnet_.guest_mac, remote, {subnet_.family(remote.address).guest, port}};
}

void GatewayFixture::GuestSends(std::span<uint8_t> frame) {
  gateway_->FromGuest({.bytes = frame, .offload = {}});
  loop_.RunUntilIdle();
}

void GatewayFixture::GuestSendsTcp(const Endpoint& remote, packet::TcpControl control, uint16_t port) {
  std::array<uint8_t, 128> frame;
  const size_t size = packet::BuildTcpControl(FromGuestTo(remote, port), control, frame);
  GuestSends(std::span(frame).first(size));
}

void GatewayFixture::GuestSendsUdp(const Endpoint& remote, uint16_t port) {
  std::array<uint8_t, 128> frame;
  const std::array<uint8_t, 4> payload = {1, 2, 3, 4};
  const size_t size = packet::BuildUdp(FromGuestTo(remote, port), payload, frame);
  GuestSends(std::span(frame).first(size));
}

void GatewayFixture::StackSends(const packet::Addressing& addressing, packet::TcpControl control) {
  std::array<uint8_t, 128> frame;
  const size_t size = packet::BuildTcpControl(addressing, control, frame);
  stack_.delegate().OnFrame(std::span(frame).first(size));
  loop_.RunUntilIdle();
}

void GatewayFixture::StackSendsUdp(const Endpoint& from, const Endpoint& to) {
  std::array<uint8_t, 128> frame;
  const std::array<uint8_t, 3> payload = {9, 9, 9};
  const size_t size = packet::BuildUdp({subnet_.gateway_mac, subnet_.guest_mac, from, to}, payload, frame);
  stack_.delegate().OnFrame(std::span(frame).first(size));
  loop_.RunUntilIdle();
}

packet::Packet GatewayFixture::LastToGuest() {
  packet::Packet packet;
  EXPECT_FALSE(to_guest_.empty());
  if (!to_guest_.empty()) packet::Parse(to_guest_.back(), packet);
  return packet;
}

std::vector<v1::AuditEvent> GatewayFixture::Events() {
  audit_->Finish();
  audit::LogReader reader(UniqueFd(open(log_path_.c_str(), O_RDONLY | O_DIRECTORY)), {});
  std::vector<v1::AuditEvent> events;
  while (true) {
    auto item = reader.Next();
    if (!item.ok() || !std::holds_alternative<v1::AuditEvent>(*item)) return events;
    events.push_back(std::get<v1::AuditEvent>(*std::move(item)));
  }
}

v1::FlowEvent GatewayFixture::LastFlowEvent() {
  const std::vector<v1::AuditEvent> events = Events();
  return events.empty() ? v1::FlowEvent() : events.back().flow();
}

}  // namespace sluice
