#include "clients/cni/cni_request.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cni/cni_result.h"
#include "gtest/gtest.h"

namespace sluice::cni {
namespace {

using nlohmann::json;

class CniRequestTest : public testing::Test {
 protected:
  std::variant<Request, Error> Parse() const {
    return ParseRequest(
        [this](const char* name) {
          const auto found = environment_.find(name);
          return found == environment_.end() ? "" : found->second;
        },
        config_.dump());
  }
  Request Right() const {
    const std::variant<Request, Error> request = Parse();
    if (const Error* error = std::get_if<Error>(&request)) ADD_FAILURE() << error->message << ": " << error->details;
    return std::holds_alternative<Request>(request) ? std::get<Request>(request) : Request();
  }
  // 0: nothing is wrong.
  int Code() const {
    const std::variant<Request, Error> request = Parse();
    const Error* error = std::get_if<Error>(&request);
    return error == nullptr ? 0 : static_cast<int>(error->code);
  }

  std::map<std::string, std::string> environment_ = {{"CNI_COMMAND", "ADD"},
                                                     {"CNI_CONTAINERID", "c0ffee"},
                                                     {"CNI_NETNS", "/run/netns/a"},
                                                     {"CNI_IFNAME", "eth0"}};
  json config_ = {{"cniVersion", "1.0.0"}, {"name", "net"}, {"type", "sluice-cni"}};
};

TEST_F(CniRequestTest, ReadsEnvironmentAndConfiguration) {
  config_["server"] = "unix:/tmp/s";
  config_["policy"] = {{"preset", "PRESET_ALLOWLIST"}};
  config_["runtimeConfig"]["portMappings"] = {{{"hostPort", 8080}, {"containerPort", 80}},
                                              {{"hostPort", 53}, {"containerPort", 5353}, {"protocol", "UDP"}, {"hostIP", "127.0.0.1"}}};
  const Request request = Right();
  EXPECT_EQ(request.command, Command::kAdd);
  EXPECT_EQ(request.netns, "/run/netns/a");
  EXPECT_EQ(request.server, "unix:/tmp/s");
  EXPECT_EQ(request.policy.preset(), v1::PRESET_ALLOWLIST);
  ASSERT_EQ(request.ports.size(), 2u);
  EXPECT_EQ(request.ports[0].host_address(), "0.0.0.0");
  EXPECT_EQ(request.ports[0].protocol(), v1::PROTOCOL_TCP);
  EXPECT_EQ(request.ports[1].host_address(), "127.0.0.1");
  EXPECT_EQ(request.ports[1].protocol(), v1::PROTOCOL_UDP);
  EXPECT_EQ(request.ports[1].guest_port(), 5353u);
}

TEST_F(CniRequestTest, NamesEachAttachmentAnew) {
  const Request request = Right();
  EXPECT_EQ(request.sandbox_id(), Right().sandbox_id());
  EXPECT_EQ(request.sandbox_id().size(), 4u + 32u);
  environment_["CNI_IFNAME"] = "eth1";
  EXPECT_NE(request.sandbox_id(), Right().sandbox_id());
}

TEST_F(CniRequestTest, SaysWhatIsWrongByItsCode) {
  const auto environment = environment_;
  const json config = config_;
  for (const char* name : {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"}) {
    environment_[name] = "";
    EXPECT_EQ(Code(), 4) << name;
    environment_ = environment;
  }
  environment_["CNI_CONTAINERID"] = "../x";
  EXPECT_EQ(Code(), 4);
  environment_ = environment;
  config_ = json::array();
  EXPECT_EQ(Code(), 6);
  config_ = config;
  config_["cniVersion"] = "9.9.9";
  EXPECT_EQ(Code(), 1);
  const std::pair<const char*, json> kWrong[] = {
      {"name", ""},
      {"server", "somewhere"},
      {"policy", {{"preset", "PRESET_OF_MINE"}}},
      {"policy", "ALLOW_ALL"},
      {"runtimeConfig", {{"portMappings", {{{"hostPort", 80}}}}}},
      {"runtimeConfig", {{"portMappings", {{{"hostPort", 70000}, {"containerPort", 1}}}}}},
      {"runtimeConfig", {{"portMappings", {{{"hostPort", 1}, {"containerPort", 1}, {"protocol", "sctp"}}}}}}};
  for (const auto& [name, value] : kWrong) {
    config_ = config;
    config_[name] = value;
    EXPECT_EQ(Code(), 7) << config_;
  }
}

TEST_F(CniRequestTest, NeedsNoNamespaceToForgetIt) {
  environment_["CNI_COMMAND"] = "DEL";
  environment_["CNI_NETNS"] = "";
  EXPECT_EQ(Code(), 0);
}

TEST_F(CniRequestTest, ChecksAgainstAResult) {
  environment_["CNI_COMMAND"] = "CHECK";
  EXPECT_EQ(Code(), 7);
  config_["prevResult"] = "none";
  EXPECT_EQ(Code(), 7);
  config_["prevResult"] = json::object();
  EXPECT_EQ(Code(), 0);
}

TEST_F(CniRequestTest, TellsTheResultInTheCallersVersion) {
  v1::Sandbox sandbox;
  v1::NetworkStatus& status = *sandbox.mutable_network_status();
  status.set_ipv4_address("10.0.2.15");
  status.set_ipv4_gateway("10.0.2.2");
  status.set_ipv6_address("fd73::f");
  status.set_ipv6_gateway("fd73::2");
  status.set_mac("02:73:6c:00:00:0f");
  status.add_dns_servers("10.0.2.3");
  const json result = ResultOf(Right(), sandbox);
  EXPECT_EQ(result, json::parse(R"({"cniVersion": "1.0.0",
      "interfaces": [{"name": "eth0", "mac": "02:73:6c:00:00:0f", "sandbox": "/run/netns/a"}],
      "ips": [{"address": "10.0.2.15/24", "gateway": "10.0.2.2", "interface": 0},
              {"address": "fd73::f/64", "gateway": "fd73::2", "interface": 0}],
      "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.2.2"}, {"dst": "::/0", "gw": "fd73::2"}],
      "dns": {"nameservers": ["10.0.2.3"]}})"));
  EXPECT_TRUE(StillHas(sandbox, result));
  config_["cniVersion"] = "0.4.0";
  EXPECT_EQ(ResultOf(Right(), sandbox)["ips"][1]["version"], "6");
  status.set_ipv4_address("10.0.2.16");
  EXPECT_FALSE(StillHas(sandbox, result));
}

}  // namespace
}  // namespace sluice::cni
