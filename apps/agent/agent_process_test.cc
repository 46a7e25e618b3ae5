// The real cb-agent as a process: its exits, its output, and its frames as a server sees them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>

#include "base/fs/file.h"
#include "base/net/udp_socket.h"
#include "base/rt/clock.h"
#include "edge/agent/identity.h"
#include "edge/agent/test_server.h"
#include "model/catalogue/catalogue.h"

namespace dragonfly {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments) {
    EXPECT_EQ(pipe2(output_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(errors_, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ != 0) {
      close(output_[1]);
      close(errors_[1]);
      return;
    }
    dup2(output_[1], STDOUT_FILENO);
    dup2(errors_[1], STDERR_FILENO);
    std::vector<char*> argv = {const_cast<char*>(DF_AGENT)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(DF_AGENT, argv.data());
    _exit(127);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_[0]);
    close(errors_[0]);
  }
  void signal(int number) const { kill(pid_, number); }
  // Reads all output to its end, then the exit code; -1 where a signal ended it.
  int wait() {
    output = read_all(output_[0]);
    errors = read_all(errors_[0]);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string output;
  std::string errors;

 private:
  static std::string read_all(int descriptor) {
    std::string out;
    char part[4096];
    for (ssize_t got = 0; (got = read(descriptor, part, sizeof part)) > 0;) out.append(part, static_cast<size_t>(got));
    return out;
  }
  pid_t pid_ = -1;
  int output_[2];
  int errors_[2];
};

// A server on a loopback port.
class Peer {
 public:
  Peer(std::optional<Key256> key, uint64_t agent_id)
      : server(key, agent_id, make_session(SystemClock().wall(), 1)),
        socket_(*UdpSocket::open({.bind = *Endpoint::parse("127.0.0.1:0")})),
        batch_(2048) {}
  std::string address() const { return socket_.local().to_string(); }
  // Frames that come within `at_most`, at least one unless time runs out.
  std::vector<TestServer::Frame> take(Duration at_most) {
    pollfd waited{socket_.descriptor(), POLLIN, 0};
    poll(&waited, 1, static_cast<int>(at_most / 1ms));
    std::vector<TestServer::Frame> out;
    socket_.receive(batch_);
    for (size_t i = 0; i < batch_.size(); ++i) {
      agent_ = *batch_[i].source;
      if (const auto frame = server.take(batch_[i].payload)) out.push_back(*frame);
    }
    return out;
  }
  void send(const Bytes& datagram) { socket_.send(agent_, datagram); }
  TestServer server;

 private:
  UdpSocket socket_;
  ReceiveBatch batch_;
  Endpoint agent_;
};

std::string temporary(const std::string& name) {
  return testing::TempDir() + "/cb-agent-" + std::to_string(getpid()) + name;
}

struct KeyFile {
  KeyFile() {
    key = {0xabcdef, 2, Key256{7}, "prod", "web", "vm-1"};
    EXPECT_TRUE(system_files().replace_file(path, as_bytes(format_agent_key(key))).has_value());
  }
  ~KeyFile() { (void)system_files().remove(path); }
  std::string path = temporary(".key");
  AgentKey key;
};

TEST(AgentProcess, SendsWithinASecondAndEndsWithEverythingAcknowledged) {
  const KeyFile file;
  Peer peer(file.key.key, file.key.agent_id);
  const SystemClock clock;
  const MonotonicTime start = clock.monotonic();
  Child agent({"--server", peer.address(), "--key", file.path, "--csp", "aws", "--interval", "1h"});
  const auto frames = peer.take(5s);
  EXPECT_LT(clock.monotonic() - start, 1s);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].header.ack_now());
  EXPECT_EQ(frames[0].header.key_epoch, 2);
  EXPECT_GE(frames[0].rows, 4u);
  const Dictionary& dictionary = peer.server.dictionaries.begin()->second;
  EXPECT_EQ(dictionary.label("vmId"), "vm-1");
  EXPECT_EQ(dictionary.label("cspType"), "aws");
  EXPECT_EQ(dictionary.label("osType"), "linux");
  EXPECT_EQ(dictionary.interval_ms, 3'600'000u);
  EXPECT_FALSE(dictionary.boot_id.empty());

  // The first ack got lost; the agent says goodbye with what it has.
  agent.signal(SIGTERM);
  const auto goodbye = peer.take(5s);
  ASSERT_EQ(goodbye.size(), 1u);
  EXPECT_EQ(goodbye[0].rows, frames[0].rows);
  EXPECT_TRUE(goodbye[0].header.ack_now());
  peer.send(peer.server.ack());
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_THAT(agent.errors, HasSubstr("0 left unacknowledged"));
  EXPECT_EQ(agent.errors.find(to_hex(file.key.key)), std::string::npos);
}

TEST(AgentProcess, AnswersARequestAndTicksOnItsGrid) {
  Peer peer(std::nullopt, plain_agent_id("default", "default", "v"));
  Child agent({"--server", peer.address(), "--vm", "v", "--interval", "200ms"});
  ASSERT_FALSE(peer.take(5s).empty());
  peer.send(peer.server.ack());
  peer.send(peer.server.request(5, {static_cast<uint32_t>(GroupId::kMemory)}));
  std::optional<TestServer::Frame> answer;
  for (int i = 0; i < 40 && (!answer || peer.server.stored.size() < 40); ++i) {
    for (const auto& frame : peer.take(5s)) {
      if (frame.body.request_id == 5) answer = frame;
    }
    peer.send(peer.server.ack());
  }
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->rows, 1u);
  agent.signal(SIGINT);
  EXPECT_EQ(agent.wait(), 0);
  // All but the first tick and the answer have one phase.
  std::map<int64_t, int> phases;
  std::set<std::string> devices;
  for (const auto& [sequence, is] : peer.server.stored) {
    if (is.starts_with("cpu  ")) ++phases[std::stoll(is.substr(5)) % 200];
    if (is.starts_with("network ")) devices.insert(is.substr(8, is.rfind(' ') - 8));
  }
  EXPECT_LE(phases.size(), 2u);
  EXPECT_EQ(peer.server.doubles, 0u);
}

TEST(AgentProcess, OnceNamesAll52Metrics) {
  Child agent({"--once", "--vm", "v"});
  ASSERT_EQ(agent.wait(), 0) << agent.errors;
  const boost::json::value json = boost::json::parse(agent.output);
  EXPECT_EQ(json.at("vm").as_string(), "v");
  size_t metrics = 0;
  size_t present = 0;
  for (const Metric& metric : catalogue()) {
    const auto& group = json.at("groups").at(std::string(group_name(metric.group))).as_object();
    const auto* value = group.if_contains(std::string(metric.name));
    ASSERT_NE(value, nullptr) << metric.name;
    ++metrics;
    present += value->is_null() ? 0 : 1;
  }
  EXPECT_EQ(metrics, 52u);
  EXPECT_GE(present, 30u);
  const double idle = json.at("groups").at("cpu").at("cpu_idle").to_number<double>();
  EXPECT_GE(idle, 0);
  EXPECT_LE(idle, 100);
  EXPECT_TRUE(json.at("devices").is_array());
}

TEST(AgentProcess, RunsWithoutAServer) {
  const std::string silent_address = Peer(std::nullopt, 0).address();  // Closed again.
  Child agent({"--server", silent_address, "--interval", "100ms"});
  Peer clockwork(std::nullopt, 0);
  clockwork.take(600ms);
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_THAT(agent.errors, HasSubstr("left unacknowledged"));
  EXPECT_EQ(agent.errors.find(" 0 left unacknowledged"), std::string::npos);
}

TEST(AgentProcess, WrongInputEndsWithTwoAndAMessage) {
  const KeyFile file;
  const auto f = [](std::vector<std::string> arguments, std::string_view has1, std::string_view has2) {
    Child agent(arguments);
    EXPECT_EQ(agent.wait(), 2) << has1;
    EXPECT_THAT(agent.errors, AllOf(HasSubstr(has1), HasSubstr(has2)));
    EXPECT_EQ(agent.output, "");
  };
  f({"--intervall", "2s"}, "'--intervall'", "--help");
  f({"--interval", "soon"}, "--interval", "10s");
  f({"--key", "/nowhere/key"}, "--key", "/nowhere/key");
  f({"--key", file.path, "--vm", "other"}, "'other'", "'vm-1'");
  f({"--server", "192.0.2.1:8094"}, "--server", "--key");
  const std::string bad = temporary(".bad");
  ASSERT_TRUE(system_files().replace_file(bad, as_bytes("what is this\n")).has_value());
  f({"--key", bad}, "--key", "line 1");
  (void)system_files().remove(bad);
}

TEST(AgentProcess, HelpAndVersion) {
  Child help({"--help"});
  EXPECT_EQ(help.wait(), 0);
  EXPECT_THAT(help.output, HasSubstr("--interval"));
  Child version({"--version"});
  EXPECT_EQ(version.wait(), 0);
  EXPECT_THAT(version.output, HasSubstr("cb-agent "));
}

}  // namespace
}  // namespace dragonfly
