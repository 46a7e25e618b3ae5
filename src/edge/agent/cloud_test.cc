// Answers as the clouds give them, and a local imitation of each one's service.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "edge/agent/cloud_lookup.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;

// Answers one request a connection until it dies. Keys: "METHOD path"; a header that must be there may follow after a
// blank. What has no key is answered by 404.
class Imitation {
 public:
  explicit Imitation(std::map<std::string, std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    endpoint = Endpoint(reinterpret_cast<sockaddr*>(&address), size);
    server_ = std::thread([this] { serve(); });
  }
  ~Imitation() {
    ::shutdown(listener_, SHUT_RDWR);
    server_.join();
    ::close(listener_);
  }
  Endpoint endpoint;

 private:
  void serve() {
    for (int peer = 0; (peer = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(peer)) {
      std::string request(4096, '\0');
      request.resize(static_cast<size_t>(std::max<ssize_t>(::recv(peer, request.data(), request.size(), 0), 0)));
      std::string out = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnone\n";
      for (const auto& [key, body] : answers_) {
        const size_t header = key.find(' ', key.find(' ') + 1);
        const bool has_header =
            header == std::string::npos || request.find(key.substr(header + 1)) != std::string::npos;
        if (request.starts_with(key.substr(0, header) + " HTTP/") && has_header)
          out = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body;
      }
      (void)!::send(peer, out.data(), out.size(), MSG_NOSIGNAL);
    }
  }
  const std::map<std::string, std::string> answers_;
  int listener_ = -1;
  std::thread server_;
};

std::string told(const std::optional<CloudPlace>& place) {
  if (!place) return "-";
  return fmt::format("{} {} {} {} {}", place->csp, place->region, place->zone, place->instance_id,
                     place->instance_type);
}

constexpr const char* kAwsDocument =
    R"({"accountId" : "1", "availabilityZone" : "ap-northeast-2a", "instanceId" : "i-0abc", "instanceType" : "t3.micro",
        "region" : "ap-northeast-2"})";

TEST(Cloud, EachServiceIsUnderstood) {
  const auto f = [](std::map<std::string, std::string> answers, const std::string& expected) {
    const Imitation cloud(std::move(answers));
    EXPECT_EQ(told(ask_clouds(cloud.endpoint, cloud.endpoint)), expected);
  };
  f({{"PUT /latest/api/token X-aws-ec2-metadata-token-ttl-seconds: ", "secret"},
     {"GET /latest/dynamic/instance-identity/document X-aws-ec2-metadata-token: secret", kAwsDocument}},
    "aws ap-northeast-2 ap-northeast-2a i-0abc t3.micro");
  f({{"GET /metadata/instance/compute?api-version=2021-02-01 Metadata: true",
      R"({"location":"koreacentral","tagsList":[{"name":"zone","value":"x"}],"vmId":"0-1","vmSize":"Standard_B1s","zone":"2"})"}},
    "azure koreacentral 2 0-1 Standard_B1s");
  f({{"GET /computeMetadata/v1/instance/zone Metadata-Flavor: Google", "projects/1/zones/asia-northeast3-a"},
     {"GET /computeMetadata/v1/instance/id Metadata-Flavor: Google", "4711"},
     {"GET /computeMetadata/v1/instance/machine-type Metadata-Flavor: Google", "projects/1/machineTypes/e2-micro"}},
    "gcp asia-northeast3 asia-northeast3-a 4711 e2-micro");
  f({{"GET /latest/dynamic/instance-identity/document",
      R"({"zone-id":"cn-hangzhou-i","instance-id":"i-bp1","region-id":"cn-hangzhou","instance-type":"ecs.g6.large"})"}},
    "alibaba cn-hangzhou cn-hangzhou-i i-bp1 ecs.g6.large");
  const auto openstack = [](const std::string& zone) {
    return std::map<std::string, std::string>{
        {"GET /openstack/latest/meta_data.json",
         R"({"meta": {"uuid": "mine"}, "availability_zone": ")" + zone + R"(", "uuid": "u-1"})"},
        {"GET /latest/meta-data/instance-type", "m1.small"}};
  };
  f(openstack("nova"), "openstack  nova u-1 m1.small");
  f(openstack("kr2-pub-b"), "nhn kr2 kr2-pub-b u-1 m1.small");
  f(openstack("DX-M1"), "kt  DX-M1 u-1 m1.small");
  f({{"PUT /latest/api/token X-NCP-METADATA-TOKEN-TTL-SECONDS: ", "t0"},
     {"GET /latest/meta-data/regionCode X-NCP-METADATA-TOKEN: t0", "KR"},
     {"GET /latest/meta-data/zoneCode X-NCP-METADATA-TOKEN: t0", "KR-2"},
     {"GET /latest/meta-data/serverInstanceNo X-NCP-METADATA-TOKEN: t0", "99\n"},
     {"GET /latest/meta-data/serverProductCode X-NCP-METADATA-TOKEN: t0", "SVR.VSVR"}},
    "ncp KR KR-2 99 SVR.VSVR");
  f({{"GET /latest/meta-data/regionCode", "KR"}}, "ncp KR   ");
  f({}, "-");
  f({{"PUT /latest/api/token", "t"}, {"GET /latest/dynamic/instance-identity/document", "<html>"}}, "-");
}

TEST(Cloud, ALookUpIsToldOnceAndNobodyWaitsForIt) {
  const Imitation cloud(
      {{"PUT /latest/api/token", "t"}, {"GET /latest/dynamic/instance-identity/document", kAwsDocument}});
  CloudLookup lookup(cloud.endpoint.to_string(), "/");
  MonotonicTime now(1s);
  std::optional<CloudPlace> place = lookup.update(now);
  EXPECT_FALSE(place.has_value());
  EXPECT_TRUE(lookup.running());
  while (!place) place = lookup.update(now);
  EXPECT_EQ(place->instance_id, "i-0abc");
  EXPECT_FALSE(lookup.running());
  EXPECT_FALSE(lookup.update(now + 1h).has_value());
  EXPECT_FALSE(lookup.running());
}

TEST(Cloud, WhoDoesNotAnswerIsAskedAFewTimes) {
  CloudLookup lookup("127.0.0.1:1", "/");
  MonotonicTime now(1s);
  int tries = 0;
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(lookup.update(now).has_value());
    tries += lookup.running() ? 1 : 0;
    while (lookup.running()) EXPECT_FALSE(lookup.update(now).has_value());
    now += CloudLookup::kTryEvery;
  }
  EXPECT_EQ(tries, CloudLookup::kTries);
  EXPECT_FALSE(CloudLookup("none", "/").running());
}

TEST(Cloud, Answers) {
  const auto body = [](std::string_view answer, std::string_view expected) {
    EXPECT_EQ(http_body(answer).value_or("-"), expected) << answer;
  };
  body("HTTP/1.0 200 OK\r\n\r\nx", "x");
  body("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "");
  body("HTTP/1.1 404 No\r\n\r\nx", "-");
  body("HTTP/1.1 2000 No\r\n\r\nx", "-");
  body("HTTP/1.1 200 OK\r\n", "-");
  body("", "-");
  const auto f = [](std::string_view json, std::string_view expected) {
    EXPECT_EQ(json_text(json, "k"), expected) << json;
  };
  f(R"({"k":"v"})", "v");
  f(R"({ "a" : "k", "k" : 12 })", "12");
  f(R"({"a":{"k":"inner"},"k":"outer"})", "outer");
  f(R"({"a":[{"k":"inner"}]})", "");
  f(R"({"k":"a\"b\/"})", "a\"b/");
  f(R"({"k":"a\u0041"})", "");
  f(R"({"k":null})", "");
  f(R"({"k":)", "");
  f(R"({"k":"cut)", "");
  f(R"("k":"v")", "");
  f("", "");
  EXPECT_EQ(plain_text("a b\r\n"), "a b");
  EXPECT_EQ(plain_text("a\nb"), "");
  EXPECT_EQ(plain_text(std::string(257, 'x')), "");
}

TEST(Cloud, OnlyVirtualMachinesAreWorthAsking) {
  const auto f = [](bool expected, std::string_view vendor, std::string_view product, std::string_view tag) {
    EXPECT_EQ(may_be_in_a_cloud(vendor, product, tag), expected) << vendor << product;
  };
  f(true, "Amazon EC2", "t3.micro", "");
  f(true, "Xen", "HVM domU", "");
  f(true, "Microsoft Corporation", "Virtual Machine", "7783-7084-3265-9085-8269-3286-77");
  f(false, "Microsoft Corporation", "Surface Pro", "0");
  f(true, "Google", "Google Compute Engine", "");
  f(true, "Alibaba Cloud", "Alibaba Cloud ECS", "");
  f(true, "OpenStack Foundation", "OpenStack Nova", "");
  f(true, "Red Hat", "KVM", "");
  f(false, "Dell Inc.", "PowerEdge R640", "");
  f(false, "", "", "");
}

}  // namespace
}  // namespace dragonfly
