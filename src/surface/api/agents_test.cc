// Agents as older clients know them, the files for them, and what is answered with "not yet".
#include <gmock/gmock.h>

#include <fstream>

#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AgentsTest : public ApiFixture {
 protected:
  std::string send(const std::string& method, const std::string& path, const std::string& sent,
                   const std::string& type = "application/json") {
    const HttpResponse got = ask(path, {{"content-type", type}}, method, sent);
    return fmt::format("{} {}", got.status, got.body);
  }
};

TEST_F(AgentsTest, AnInstallationIsChecked) {
  const std::string good =
      R"("ns_id":"n","vm_id":"v","public_ip":"192.0.2.7","user_name":"u","ssh_key":"k","cspType":"aws")";
  const auto f = [&](const std::string& more, std::string_view want) {
    for (const std::string path : {"/dragonfly/agent", "/dragonfly/agent/install", "/dragonfly/agent/uninstall"})
      EXPECT_THAT(send("POST", path, "{" + good + more + "}"), StartsWith(want)) << path;
    EXPECT_THAT(send("DELETE", "/dragonfly/agent", "{" + good + more + "}"), StartsWith(want));
  };
  for (const std::string group : {"mcis_id", "mci_id", "infra_id"}) f(",\"" + group + "\":\"m\"", "501 ");
  f(R"(,"mcis_id":"m","port":2222,"service_type":"mcis")", "501 ");
  f(R"(,"mcis_id":"m","port":"22")", "501 ");
  f("", R"(400 {"message":"key 'mcis_id' is missing; needed are)");
  f(R"(,"mcis_id":"")", R"(400 {"message":"key 'mcis_id' is missing)");
  f(R"(,"mcis_id":"m","port":0)", R"(400 {"message":"key 'port' is '0'; allowed are 1 to 65535)");
  f(R"(,"mcis_id":"m","port":"ssh")", R"(400 {"message":"key 'port' is 'ssh')");
  f(R"(,"mcis_id":"m","ssh_key":{})", "400 ");
  EXPECT_THAT(send("POST", "/dragonfly/agent", ""), HasSubstr("the body is empty"));
  EXPECT_THAT(send("POST", "/dragonfly/agent?async=maybe", "{}"), HasSubstr("allowed are true, false"));
  EXPECT_THAT(send("POST", "/dragonfly/agent",
                   R"({"ns_id":"n","mcis_id":"m","node_id":"v","public_ip":"a b","user_name":"u",)"
                   R"("ssh_key":"k"})"),
              HasSubstr("'public_ip' is 'a b'"));
  EXPECT_THAT(send("POST", "/dragonfly/agent", "ns_id=n&mcis_id=m&vm_id=v&public_ip=192.0.2.7&user_name=u&ssh_key=k",
                   "application/x-www-form-urlencoded"),
              HasSubstr("does not install agents over SSH"));
  std::string form;
  for (const auto& [name, value] : std::map<std::string, std::string>{{"ns_id", "n"},
                                                                      {"mcis_id", "m"},
                                                                      {"vm_id", "v"},
                                                                      {"public_ip", "host.example"},
                                                                      {"user_name", "u"},
                                                                      {"ssh_key", "a\nb"}})
    form += "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  EXPECT_THAT(send("POST", "/dragonfly/agent", form + "--x--\r\n", "multipart/form-data; boundary=x"),
              StartsWith("501"));
}

TEST_F(AgentsTest, MetadataOfWhoeverWasSeen) {
  VmEntry& v = vm("n1", "m1", "v1");
  directory.label(v, {{"cspType", "aws"}});
  vm("n2", "m1", "v2").last_arrival_ns = 0;
  const std::string first =
      R"({"service_type":"mcis","ns_id":"n1","mcis_id":"m1","vm_id":"v1","csp_type":"aws","cspType":"aws",)"
      R"("agent_type":"push","agent_state":"enable","agent_health":"healthy","agent_unhealthy_resp_cnt":0,"public_ip":""})";
  const std::string all = body("/dragonfly/agents/metadata");
  EXPECT_THAT(all, StartsWith(R"({"/monitoring/agents/n1_mcis_m1_v1_aws":)" + first));
  EXPECT_THAT(all, HasSubstr(R"("/monitoring/agents/n2_mcis_m1_v2_":)"));
  EXPECT_THAT(all, HasSubstr(R"("agent_health":"unhealthy")"));
  EXPECT_EQ(body("/dragonfly/agents/metadata?ns=n3"), "{}");
  for (const std::string names : {"ns=n1&service_id=m1&vm_id=v1", "ns_id=n1&infra_id=m1&node_id=v1&service_type=infra"})
    EXPECT_EQ(body("/dragonfly/agent/metadata?" + names), first);
  EXPECT_THAT(refusal("/dragonfly/agent/metadata?ns=n1&service_id=m1&vm_id=v2"), StartsWith("404"));
  EXPECT_THAT(refusal("/dragonfly/agent/metadata?ns=n1&service_id=m1"), HasSubstr("vm_id"));
  EXPECT_THAT(refusal("/dragonfly/agents/metadata?namespace=n1"), StartsWith("400"));
  EXPECT_EQ(body("/dragonfly/agents/metadata?ns=n1&service_type=label"), "{}");
}

TEST_F(AgentsTest, SilenceIsCountedLikeMissedAnswers) {
  VmEntry& v = vm("n1", "m1", "v1");
  const auto f = [&](Duration silence, const std::string& state, int missed) {
    v.last_arrival_ns = (clock.monotonic() - silence).time_since_epoch().count();
    EXPECT_THAT(body("/dragonfly/agent/metadata?ns=n1&service_id=m1&vm_id=v1"),
                HasSubstr(fmt::format(R"("agent_health":"{}","agent_unhealthy_resp_cnt":{},)", state, missed)));
  };
  f(0s, "healthy", 0);
  f(9s, "healthy", 0);
  f(10s, "healthy", 1);
  f(30s, "healthy", 3);
  f(31s, "unhealthy", 3);
  f(100s, "unhealthy", 10);
  f(0s, "healthy", 0);  // At once.
}

class AgentMetadataTest : public AgentsTest {
 protected:
  AgentMetadataTest() { directory.label(v, {{"cspType", "aws"}}); }
  std::string put(const std::string& sent) { return send("PUT", path, sent); }
  const std::string path = "/dragonfly/agent/metadata?ns=n1&service_id=m1&vm_id=v1";
  VmEntry& v = vm("n1", "m1", "v1");
};

TEST_F(AgentMetadataTest, WhatOperatorsSayIsKept) {
  EXPECT_THAT(put(R"({"public_ip":"192.0.2.7"})"), StartsWith("200 {"));
  EXPECT_THAT(
      put(R"({"agent_state":"disable","service_type":"gpu"})"),
      AllOf(StartsWith("200 {"), HasSubstr(R"("public_ip":"192.0.2.7")"), HasSubstr(R"("agent_state":"disable")")));
  EXPECT_THAT(body("/dragonfly/agents/metadata"),
              StartsWith(R"({"/monitoring/agents/n1_gpu_m1_v1_aws":{"service_type":"gpu")"));
  EXPECT_EQ(body("/dragonfly/agents/metadata?service_type=mcis"), "{}");
  EXPECT_THAT(send("GET", path + "&service_type=mcis", ""), StartsWith("404"));
  EXPECT_EQ(AgentNotes::open(system_files(), folder).value()->of(v.identity), notes->of(v.identity));
  // An answer that comes back as it was changes nothing, whatever its health was.
  const std::string answer = body(path);
  EXPECT_EQ(put(answer), "200 " + answer);
  // By its body alone, in older names; as a form.
  EXPECT_THAT(send("PUT", "/dragonfly/agent/metadata", "ns_id=n1&infra_id=m1&node_id=v1&agent_state=enable",
                   "application/x-www-form-urlencoded"),
              AllOf(StartsWith("200 {"), HasSubstr(R"("agent_state":"enable")")));
  const auto entries = audit->newest(10).value();
  EXPECT_EQ(entries.front().what, "agent metadata change");
  EXPECT_THAT(entries.front().before, HasSubstr(R"("agent_state":"disable")"));
  EXPECT_THAT(entries.front().after, HasSubstr(R"("agent_state":"enable")"));
}

TEST_F(AgentMetadataTest, WhatCannotBeChangedSaysSoAndChangesNothing) {
  EXPECT_THAT(put(R"({"public_ip":"192.0.2.7","agent_type":"pull"})"),
              AllOf(StartsWith("501"), HasSubstr("collects by push only")));
  EXPECT_THAT(put(R"({"agent_type":"both"})"), AllOf(StartsWith("400"), HasSubstr("allowed are push, pull")));
  EXPECT_THAT(put(R"({"agent_state":"on"})"), HasSubstr("allowed are enable, disable"));
  EXPECT_THAT(put(R"({"public_ip":"a b"})"), HasSubstr("key 'public_ip' is 'a b'"));
  EXPECT_THAT(put(R"({"csp_type":"azure"})"), HasSubstr("it is 'aws' and follows from what the agent sends"));
  EXPECT_THAT(put(R"({"ns_id":"n2"})"), HasSubstr("key 'ns_id' is 'n2'; it is 'n1'"));
  EXPECT_THAT(put(R"({"service_type":""})"), StartsWith("400"));
  EXPECT_THAT(put(R"({"color":"red"})"), HasSubstr("key 'color' is not known"));
  EXPECT_THAT(put(""), StartsWith("400"));
  EXPECT_THAT(send("PUT", "/dragonfly/agent/metadata?ns=n1&service_id=m1&vm_id=v2", "{}"), StartsWith("404"));
  EXPECT_EQ(notes->size(), 0u);
}

TEST_F(AgentMetadataTest, ADisabledAgentIsAskedNothing) {
  put(R"({"agent_state":"disable"})");
  EXPECT_THAT(refusal("/dragonfly/ns/n1/mcis/m1/vm/v1/agent_ip/192.0.2.7/metric/cpu/ondemand-monitoring-info"),
              AllOf(StartsWith("409"), HasSubstr("is disabled")));
}

TEST_F(AgentMetadataTest, AForgottenAgentIsListedAgainWhenItSends) {
  v.last_row_ns = unix_ns(clock.wall()) + 1;
  put(R"({"public_ip":"192.0.2.7"})");
  EXPECT_THAT(send("DELETE", path, ""), AllOf(StartsWith("200"), HasSubstr("it still sends")));
  EXPECT_EQ(body("/dragonfly/agents/metadata"), "{}");
  EXPECT_THAT(send("GET", path, ""), StartsWith("404"));
  EXPECT_THAT(send("DELETE", path, ""), StartsWith("404"));
  EXPECT_THAT(put("{}"), StartsWith("404"));
  EXPECT_EQ(audit->newest(1).value().front().what, "agent metadata forget");
  v.last_row_ns += 2'000'000'000;
  EXPECT_THAT(body(path), HasSubstr(R"("public_ip":"")"));  // As new.
}

TEST_F(AgentsTest, FilesOfThePackageDirectoryAndNoOthers) {
  const Path packages = folder / "packages";
  std::filesystem::create_directories(packages);
  std::ofstream(folder / "secret") << "secret";
  const auto f = [&](const std::string& path, const std::string& name) {
    EXPECT_THAT(refusal("/dragonfly/" + path), StartsWith("404 {\"message\":\"the file " + name + " is not in"));
    std::ofstream(packages / name) << "content of " << name;
    EXPECT_EQ(body("/dragonfly/" + path), "content of " + name);
  };
  f("file/agent/install", "cb-agent-install.sh");
  f("file/agent/conf", "cb-agent.conf");
  f("file/agent/pkg", "cb-agent-1.2.3-linux-x86_64.tar.gz");
  f("file/agent/pkg?format=deb", "cb-agent_1.2.3_amd64.deb");
  f("file/agent/pkg?arch=arm64&format=rpm", "cb-agent-1.2.3-1.aarch64.rpm");
  f("file/agent/pkg?osType=linux&arch=armel&format=txz", "cb-agent-1.2.3-arm-1.txz");
  f("file/agent/pkg?osType=linux&arch=armel&format=rpm", "cb-agent-1.2.3-1.armv5tel.rpm");
  f("file/agent/pkg?osType=linux&arch=armel", "cb-agent-1.2.3-linux-armel.tar.gz");
  f("file/agent/pkg?osType=windows&format=zip", "cb-agent-1.2.3-windows-x86_64.zip");
  f("installer/cbinstaller", "cb-installer.exe");
  for (const std::string arch : {"..", "%2e%2e%2f%2e%2e%2fsecret", "/etc/passwd"})
    EXPECT_THAT(refusal("/dragonfly/file/agent/pkg?arch=" + arch), StartsWith("400")) << arch;
  for (const std::string name : {"..%2f..%2fsecret", "secret", "..", "%2e%2e"})
    EXPECT_EQ(status("/dragonfly/file/agent/" + name), 404) << name;
}

TEST_F(AgentsTest, WhatIsNotThereYetSaysSo) {
  vm("n", "m", "v");
  for (const std::string group : {"mcis", "mci", "infra"}) {
    const std::string base = "/dragonfly/ns/n/" + group + "/m/";
    const auto f = [&](const std::string& path, std::string_view want) {
      EXPECT_THAT(refusal(base + path), StartsWith(want)) << path;
    };
    f("vm/v/agent_ip/192.0.2.7/mcis_metric/Rtt/mcis-monitoring-info", "501");
    EXPECT_EQ(ask(base + "vm/v/agent_ip/192.0.2.7/mcis_metric/Mrtt/mcis-monitoring-info", {}, "POST", "{}").status,
              501);
    f("vm/v/agent_ip/192.0.2.7/mcis_metric/Cpu/mcis-monitoring-info",
      "400 {\"message\":\"metric 'Cpu' is not known; allowed are InitDB");
    f("vm/w/agent_ip/192.0.2.7/mcis_metric/Rtt/mcis-monitoring-info", "404");
    f("vm/v/watchtime/10/mcis-networkpacket-info", "501");
    f("vm/v/watchtime/0/mcis-networkpacket-info", "400");
    f("vm/v/agentip/192.0.2.7/mcis-process-info", "501");
    f("mcis-spec-info", "501");
  }
}

}  // namespace
}  // namespace dragonfly
