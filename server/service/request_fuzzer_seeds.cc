#include <string>
#include <utility>

#include "google/protobuf/text_format.h"
#include "sluice/v1/audit_service.pb.h"
#include "sluice/v1/sandbox_service.pb.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/seeds.h"

namespace sluice::fuzz {
namespace {

// `kind`: the place of Request in request_fuzzer's kKinds.
template <typename Request>
Bytes Seed(uint8_t kind, const char* text) {
  Request request;
  FUZZ_REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &request));
  const std::string body = request.SerializeAsString();
  Bytes seed = {kind};
  seed.insert(seed.end(), body.begin(), body.end());
  return seed;
}

constexpr const char* kCreate[] = {
    R"(sandbox { id: "box-1" labels { key: "team" value: "ci" }
         guest { oci { rootfs: "/srv/root" args: "/bin/sh" args: "-c" env { key: "A" value: "b" }
                       working_directory: "/tmp" user: "1000:1000" memory_bytes: 67108864 cpus: 0.5 max_processes: 64 } }
         network {
           policy { preset: PRESET_ALLOWLIST
                    rules { id: "pypi" action: ACTION_ALLOW peers { domain: "*.pypi.org" } protocols: PROTOCOL_TCP ports { first: 443 } }
                    rules { action: ACTION_DENY direction: DIRECTION_INGRESS peers { cidr: "10.0.0.0/8" } } }
           ports { protocol: PROTOCOL_TCP host_address: "::1" host_port: 8080 guest_port: 80 }
           dns { nameservers: "1.1.1.1:53" blocked_domains: "ads.test" block_lists: "ads" rebinding_exempt_domains: "*.corp.test"
                 rebinding_protection: true query_timeout { seconds: 3 } max_queries_per_second: 10 }
           interface { ipv4_subnet: "10.9.0.0/24" ipv6_subnet: "fd00:9::/64" mtu: 1400 mac: "02:00:00:00:00:01" }
           limits { max_flows: 100 egress_bytes_total: 1000 } } } request_id: "once")",
    R"(sandbox { guest { netns { path: "/run/netns/a" interface_name: "eth1" } } network { ports { guest_port: 1 } ports { guest_port: 2 } } })",
    R"(sandbox { guest { socket { path: "/run/a.sock" framing: FRAMING_STREAM } } network { policy { preset: PRESET_NONE } } })",
    R"(sandbox { guest { vm { kernel: "/boot/k" initrd: "/boot/i" disk: "/srv/d" kernel_arguments: "quiet" memory_bytes: 134217728 cpus: 2 } } })",
};

constexpr const char* kUpdate[] = {
    R"(sandbox { id: "box-1" labels { key: "a" value: "c" } network { dns { query_timeout { seconds: 1 nanos: 5 } blocked_domains: "new.test" }
         limits { max_flows: 7 } } }
       update_mask { paths: "labels" paths: "network.dns.query_timeout" paths: "network.limits" })",
    R"(sandbox { id: "box-1" } update_mask { paths: "labels.a" paths: "network.dns" paths: "network.limits.max_flows" })",
};

constexpr const char* kEvaluate[] = {
    R"(policy { preset: PRESET_PUBLIC_ONLY } protocol: PROTOCOL_TCP remote_address: "8.8.8.8" port: 443)",
    R"(policy { preset: PRESET_ALLOWLIST rules { action: ACTION_ALLOW peers { domain: "*.example.com" } } } remote_domain: "www.example.com")",
    R"(policy { preset: PRESET_DENYLIST } direction: DIRECTION_INGRESS protocol: PROTOCOL_ICMP remote_address: "fd00::1")",
    R"(sandbox_id: "box-1" protocol: PROTOCOL_UDP remote_address: "::1" remote_domain: "a.test" port: 53)",
};

constexpr const char* kAudit[] = {
    R"(sandbox_ids: "box-1" labels { key: "a" value: "b" } since { seconds: 1 } until { seconds: 2 } follow: true
       filter { kinds: KIND_FLOW action: ACTION_DENY protocols: PROTOCOL_UDP domains: "*.example.com" remote_cidrs: "10.0.0.0/8" })",
    R"(filter { domains: "example.com" })",
};

}  // namespace

// Requests of each kind, with every field.
std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (const char* text : kCreate) seeds.push_back(Seed<v1::CreateSandboxRequest>(0, text));
  for (const char* text : kUpdate) seeds.push_back(Seed<v1::UpdateSandboxRequest>(1, text));
  seeds.push_back(Seed<v1::SetNetworkPolicyRequest>(2, R"(sandbox_id: "box-1" expected_generation: 3
      policy { preset: PRESET_DENYLIST deny_response: DENY_RESPONSE_DROP rules { action: ACTION_DENY peers { group: ADDRESS_GROUP_PUBLIC } } })"));
  seeds.push_back(Seed<v1::PublishPortRequest>(3, R"(sandbox_id: "box-1" request_id: "r"
      port { protocol: PROTOCOL_UDP host_address: "0.0.0.0" host_port: 53 guest_port: 53 })"));
  seeds.push_back(Seed<v1::UnpublishPortRequest>(4, R"(sandbox_id: "box-1" port { host_address: "127.0.0.1" host_port: 80 })"));
  for (const char* text : kEvaluate) seeds.push_back(Seed<v1::EvaluatePolicyRequest>(5, text));
  for (const char* text : kAudit) seeds.push_back(Seed<v1::StreamAuditEventsRequest>(6, text));
  seeds.push_back(Seed<v1::ListSandboxesRequest>(7, R"(labels { key: "a" value: "b" } page_size: 10 view: SANDBOX_VIEW_FULL)"));
  return seeds;
}

}  // namespace sluice::fuzz
