#include "edge/agent/cloud_lookup.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <mutex>
#include <system_error>
#include <thread>

#include "base/core/assert.h"
#include "base/fs/file.h"

namespace dragonfly {
namespace {

constexpr const char* kMost = "169.254.169.254:80";
constexpr const char* kAlibaba = "100.100.100.200:80";
constexpr size_t kPartsMax = 64;  // Of an answer, so that one that trickles ends.
constexpr uint64_t kFirmwareBytesMax = 4096;

// HTTP/1.0, so that no answer comes in chunks. Nullopt: nobody there, or not 200.
class Service {
 public:
  explicit Service(const Endpoint& endpoint) : endpoint_(endpoint) {}
  // False once nothing listens: the others at the same address need not be tried.
  bool reachable() const { return reachable_; }

  std::optional<std::string> ask(const char* method, std::string_view path, std::string_view headers = {}) {
    const int fd = ::socket(endpoint_.address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return std::nullopt;
    const timeval within{CloudLookup::kRequestWithin / 1s, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &within, sizeof within);  // Holds for connect as well.
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    const std::string request =
        fmt::format("{} {} HTTP/1.0\r\nHost: {}\r\n{}\r\n", method, path, endpoint_.to_string(), headers);
    std::string answer;
    reachable_ = ::connect(fd, endpoint_.address(), endpoint_.length()) == 0;
    if (reachable_ &&
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
      char part[4096];
      ssize_t got = 0;
      for (size_t i = 0; i < kPartsMax && answer.size() < kCloudAnswerBytesMax; ++i) {
        if ((got = ::recv(fd, part, sizeof part, 0)) <= 0) break;
        answer.append(part, static_cast<size_t>(got));
      }
    }
    ::close(fd);
    const auto body = http_body(answer);
    return body ? std::optional<std::string>(*body) : std::nullopt;
  }

 private:
  const Endpoint endpoint_;
  bool reachable_ = true;
};

std::optional<CloudPlace> ask_aws(Service& service) {
  const auto token =
      service.ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n");
  const std::string text = token ? plain_text(*token) : std::string();
  if (text.empty()) return std::nullopt;
  const auto document = service.ask("GET", "/latest/dynamic/instance-identity/document",
                                    fmt::format("X-aws-ec2-metadata-token: {}\r\n", text));
  return document ? place_at_aws(*document) : std::nullopt;
}

std::optional<CloudPlace> ask_gcp(Service& service) {
  const auto value = [&](const char* name) {
    return service.ask("GET", fmt::format("/computeMetadata/v1/instance/{}", name), "Metadata-Flavor: Google\r\n")
        .value_or("");
  };
  const std::string zone = value("zone");
  return zone.empty() ? std::nullopt : place_at_gcp(zone, value("id"), value("machine-type"));
}

std::optional<CloudPlace> ask_ncp(Service& service) {
  // Its second version wants a token; the first answers without.
  const auto token =
      service.ask("PUT", "/latest/api/token", "X-NCP-METADATA-TOKEN-TTL-SECONDS: 60\r\nContent-Length: 0\r\n");
  const std::string text = token ? plain_text(*token) : std::string();
  const std::string header = text.empty() ? std::string() : fmt::format("X-NCP-METADATA-TOKEN: {}\r\n", text);
  const auto value = [&](const char* name) {
    const auto body = service.ask("GET", fmt::format("/latest/meta-data/{}", name), header);
    return body ? plain_text(*body) : std::string();
  };
  CloudPlace out{"ncp", value("regionCode"), {}, {}, {}};
  if (out.region.empty()) return std::nullopt;
  out.zone = value("zoneCode");
  out.instance_id = value("serverInstanceNo");
  out.instance_type = value("serverProductCode");
  return out;
}

std::optional<CloudPlace> ask_openstack(Service& service) {
  const auto meta_data = service.ask("GET", "/openstack/latest/meta_data.json");
  auto out = meta_data ? place_at_openstack(*meta_data) : std::nullopt;
  if (!out) return std::nullopt;
  if (const auto type = service.ask("GET", "/latest/meta-data/instance-type")) out->instance_type = plain_text(*type);
  return out;
}

std::string firmware(const std::string& root, const char* name) {
  const auto bytes = system_files().read_file(Path(root) / "sys/class/dmi/id" / name, kFirmwareBytesMax);
  return bytes ? plain_text(as_text(*bytes)) : std::string();
}

// Where most clouds answer, and where Alibaba's does.
std::optional<std::pair<Endpoint, Endpoint>> places_to_ask(const std::string& metadata, const std::string& root) {
  if (metadata == "none") return std::nullopt;
  if (metadata == "auto") {
    if (!may_be_in_a_cloud(firmware(root, "sys_vendor"), firmware(root, "product_name"),
                           firmware(root, "chassis_asset_tag"))) {
      return std::nullopt;
    }
    return std::pair(*Endpoint::parse(kMost), *Endpoint::parse(kAlibaba));
  }
  const auto given = Endpoint::parse(metadata);
  DF_ASSERT(given.has_value());  // Options are checked.
  return std::pair(*given, *given);
}

}  // namespace

std::optional<CloudPlace> ask_clouds(const Endpoint& most, const Endpoint& alibaba) {
  Service service(most);
  if (auto out = ask_aws(service)) return out;
  if (service.reachable()) {
    if (const auto body =
            service.ask("GET", "/metadata/instance/compute?api-version=2021-02-01", "Metadata: true\r\n")) {
      if (auto out = place_at_azure(*body)) return out;
    }
    if (auto out = ask_gcp(service)) return out;
    if (auto out = ask_openstack(service)) return out;
    if (auto out = ask_ncp(service)) return out;
  }
  const auto document = Service(alibaba).ask("GET", "/latest/dynamic/instance-identity/document");
  return document ? place_at_alibaba(*document) : std::nullopt;
}

struct CloudLookup::Shared {
  std::mutex mutex;
  bool done = false;
  std::optional<CloudPlace> place;
};

CloudLookup::CloudLookup(const std::string& metadata, const std::string& root) {
  const auto places = places_to_ask(metadata, root);
  if (!places) return;
  most_ = places->first;
  alibaba_ = places->second;
  tries_left_ = kTries;
}

std::optional<CloudPlace> look_up_cloud(const std::string& metadata, const std::string& root) {
  const auto places = places_to_ask(metadata, root);
  return places ? ask_clouds(places->first, places->second) : std::nullopt;
}

CloudLookup::~CloudLookup() = default;

std::optional<CloudPlace> CloudLookup::update(MonotonicTime now) {
  if (running_) {
    const std::shared_ptr<Shared> running = running_;  // Outlives the lock.
    const std::lock_guard lock(running->mutex);
    if (!running->done) return std::nullopt;
    running_.reset();
    if (running->place) tries_left_ = 0;
    return running->place;
  }
  if (tries_left_ == 0 || (started_ && now - *started_ < kTryEvery)) return std::nullopt;
  --tries_left_;
  started_ = now;
  auto shared = std::make_shared<Shared>();
  try {
    std::thread([shared, most = *most_, alibaba = *alibaba_] {
      auto place = ask_clouds(most, alibaba);
      const std::lock_guard lock(shared->mutex);
      shared->place = std::move(place);
      shared->done = true;
    }).detach();
    running_ = std::move(shared);
  } catch (const std::system_error&) {
    tries_left_ = 0;  // No thread to be had: the agent goes on without.
  }
  return std::nullopt;
}

}  // namespace dragonfly
