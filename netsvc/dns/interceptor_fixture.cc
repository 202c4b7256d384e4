#include "netsvc/dns/interceptor_fixture.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::dns {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace

InterceptorFixture::InterceptorFixture(const std::string& policy, const std::string& config)
    : groups_({.gateway = {IpPrefix::Parse("10.0.2.2").value()}, .extra_host = {}, .nat64 = {}}) {
  asked.guest = *Endpoint::Parse("10.0.2.15:40000");
  asked.resolver = *Endpoint::Parse("8.8.8.8:53");
  SetPolicy(policy);
  Interceptor::Options options;
  options.config = Parse<v1::DnsConfig>(config);
  options.gateway_ipv4 = *IpAddress::Parse("10.0.2.2");
  options.gateway_ipv6 = *IpAddress::Parse("fd73:6c75:6963:1::2");
  for (const std::string& name : options.config.block_lists()) lists.Set(name, policy::DomainSet());
  interceptor = std::make_unique<Interceptor>(loop, upstream, *this, lists, options);
}

InterceptorFixture::~InterceptorFixture() = default;

void InterceptorFixture::SetPolicy(const std::string& policy) {
  auto compiled = policy::CompiledPolicy::Compile(Parse<v1::NetworkPolicy>(policy));
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  policy_ = compiled.value();
  if (interceptor != nullptr) interceptor->OnPolicyChanged();
}

void InterceptorFixture::SetConfig(const std::string& config) {
  interceptor->SetConfig(Parse<v1::DnsConfig>(config));
}

void InterceptorFixture::Send(const Bytes& query) {
  interceptor->OnDatagram(
      asked, query, [this](std::span<const uint8_t> answer) { answers_.emplace_back(answer.begin(), answer.end()); });
  loop.RunUntilIdle();
}

void InterceptorFixture::Answer(absl::StatusOr<Bytes> answer) {
  upstream.Answer(std::move(answer));
  loop.RunUntilIdle();
}

std::string InterceptorFixture::Ask(const Bytes& query, const absl::StatusOr<Bytes>& answer) {
  const size_t before = answers_.size();
  Send(query);
  while (upstream.waiting() > 0) Answer(answer);
  return answers_.size() > before ? ToText(answers_.back()) : "";
}

std::string InterceptorFixture::Ask(const Bytes& query) { return Ask(query, absl::UnavailableError("no upstream")); }

std::string InterceptorFixture::LastEvent() const {
  if (events.empty()) return "none";
  const v1::DnsEvent& event = events.back();
  const std::string reason(absl::StripPrefix(v1::Verdict::Reason_Name(event.verdict().reason()), "REASON_"));
  std::string text =
      absl::StrCat(event.response_code(), " ", event.verdict().action() == v1::ACTION_ALLOW ? "allowed" : reason);
  for (const std::string& address : event.addresses()) absl::StrAppend(&text, " ", address);
  return text;
}

bool InterceptorFixture::Commit() {
  ++commits;
  return can_record;
}

void InterceptorFixture::OnResolved(const DomainName& name, std::span<const IpAddress> addresses, absl::Duration ttl) {
  std::string text = name.ToString();
  for (const IpAddress& address : addresses) absl::StrAppend(&text, " ", address.ToString());
  resolved.push_back(absl::StrCat(text, " ", absl::FormatDuration(ttl)));
}

}  // namespace sluice::dns
