#include "edge/agent/enrol.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/core/json_writer.h"
#include "base/core/names.h"
#include "base/core/number.h"
#include "edge/agent/cloud_lookup.h"
#include "edge/agent/machine.h"
#include "edge/agent/options.h"

namespace dragonfly {
namespace {

constexpr std::string_view kKeyName = "agent.key";
constexpr std::string_view kOtherDirectory = "agent";
constexpr uint64_t kTokenFileBytesMax = 4096;

struct Parameter {
  std::string_view name, value, help;
};
constexpr Parameter kParameters[] = {
    {"--server", "URL", "the server's API, like https://192.0.2.10:9090"},
    {"--token", "TOKEN", "by `cbmon agent token new`; @FILE reads it from a file, CB_AGENT_TOKEN holds it, too"},
    {"--vm", "ID", "this VM (the machine's name)"},
    {"--key", "FILE", "where the key goes (/var/lib/cb-agent/agent.key where that directory is, else agent/agent.key)"},
    {"--metadata", "WHERE", "where the cloud is asked for the instance's id: auto, none, ADDR:PORT"},
    {"--root", "DIR", "another root of the machine's identity, for tests"},
    {"--help", "", "this text"},
};

Result<> set(EnrolOptions& out, std::string& token, std::string_view name, std::string_view value) {
  if (name == "--server") {
    auto url = parse_server_url(value);
    if (!url) return fail(url.error().code, "--server: {}", url.error().message);
    out.url = std::move(*url);
  } else if (name == "--token") {
    token = value;
  } else if (name == "--vm") {
    DF_TRY(check_name(name, value));
    out.vm = std::string(value);
  } else if (name == "--key") {
    out.key_file = value;
  } else if (name == "--metadata") {
    if (value != "auto" && value != "none" && !Endpoint::parse(value)) {
      return fail(ErrorCode::kInvalidArgument, "--metadata: '{}' is not allowed; write auto, none or ADDR:PORT",
                  value.substr(0, 64));
    }
    out.metadata = value;
  } else if (name == "--root") {
    out.root = value;
  } else {
    out.help = true;
  }
  return {};
}

Result<std::string> token_text(std::string_view given, FileSystem& files) {
  if (!given.starts_with('@')) return std::string(given);
  const auto bytes = files.read_file(Path(given.substr(1)), kTokenFileBytesMax);
  if (!bytes) return fail(ErrorCode::kInvalidArgument, "--token: {}", bytes.error().message);
  std::string text(as_text(*bytes));
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string default_key_file(FileSystem& files) {
  const bool service = files.list(Path(kSpoolDirDefault)).has_value();
  return (Path(service ? kSpoolDirDefault : kOtherDirectory) / kKeyName).string();
}

// Secrets go in clear to this machine only, and to nobody who might be another.
Result<> check_channel(const EnrolOptions& options) {
  if (!options.url.tls) {
    if (options.url.is_loopback()) return {};
    return fail(ErrorCode::kInvalidArgument,
                "--server: over http:// the key would cross the network in clear; use https://, or make a key on the "
                "server by `cb-dragonfly agent-key new`");
  }
  if (options.token.authority) return {};
  return fail(ErrorCode::kInvalidArgument,
              "--token: it does not say who vouches for the server, so that {} cannot be verified; make one on a "
              "server whose API is under TLS",
              options.url.to_string());
}

std::string message_of(const HttpsAnswer& answer) {
  const std::string message = json_text(as_text(answer.body), "message");
  return message.empty() ? fmt::format("status {}", answer.status) : message;
}

Result<std::vector<Bytes>> fetch_authorities(const EnrolOptions& options, const Clock& clock, Random& random) {
  if (!options.url.tls) return std::vector<Bytes>();
  HttpsClient client({options.url, {}}, clock, random);
  const auto answer = client.ask({"GET", "/api/v1/agents/authority"});
  if (!answer) return fail(answer.error());
  if (answer->status != 200)
    return fail(ErrorCode::kUnavailable, "{}: {}", options.url.to_string(), message_of(*answer));
  auto certificates = read_certificates(as_text(answer->body));
  if (!certificates || authority_fingerprint(*certificates) != *options.token.authority) {
    return fail(ErrorCode::kPermissionDenied,
                "{} is not the server for which the token was made: the fingerprint of who vouches for it is another; "
                "nothing was sent",
                options.url.to_string());
  }
  return certificates;
}

std::string wish(const std::string& vm, const MachineIdentity& machine) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("vm", std::string_view(vm));
  for (const auto& [name, mark] : {std::pair("machine", &machine.machine), std::pair("firmware", &machine.firmware),
                                   std::pair("instance", &machine.instance)}) {
    if (!mark->empty()) json.field(name, std::string_view(*mark));
  }
  json.end_object();
  return out;
}

Result<AgentKey> read_answer(std::string_view body, const std::string& server) {
  AgentKey key;
  const std::string id = json_text(body, "agent_id");
  const auto agent_id = parse_number<uint64_t>(id, 16);
  const auto epoch = parse_number<uint8_t>(json_text(body, "epoch"));
  Bytes secret = from_hex(json_text(body, "key"));
  key.ns = json_text(body, "ns");
  key.mcis = json_text(body, "mcis");
  key.vm = json_text(body, "vm");
  AgentEnrolment& enrolment = key.enrolment.emplace();
  enrolment.udp = json_text(body, "udp");
  const bool named = check_name("ns", key.ns) && check_name("mcis", key.mcis) && check_name("vm", key.vm);
  if (id.size() != 16 || !agent_id || !epoch || secret.size() != key.key.size() || !named || enrolment.udp.empty()) {
    wipe(secret);
    return fail(ErrorCode::kUnsupported, "{} gave an answer that this release of the agent does not understand",
                server);
  }
  key.agent_id = *agent_id;
  key.epoch = *epoch;
  std::copy(secret.begin(), secret.end(), key.key.begin());
  wipe(secret);
  return key;
}

Result<> write_key(const AgentKey& key, const Path& path, FileSystem& files) {
  const Path directory = path.has_parent_path() ? path.parent_path() : Path(".");
  if (!files.list(directory)) DF_TRY(files.make_directories(directory));
  DF_TRY(files.replace_file(path, as_bytes(format_agent_key(key))));
  // Root enrols, the service's user reads.
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &owner) != 0) return {};
  if (::chown(path.c_str(), owner.st_uid, owner.st_gid) == 0) return {};
  return fail(ErrorCode::kIo, "{}: its owner cannot be set", path.string());
}

}  // namespace

Result<EnrolOptions> read_enrol_options(std::span<const char* const> arguments, std::string_view token,
                                        FileSystem& files) {
  EnrolOptions out;
  std::string given(token);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.find('=');
    std::string_view name = argument.substr(0, equals);
    if (name == "-h") name = "--help";
    const auto* const parameter = std::ranges::find(kParameters, name, &Parameter::name);
    if (parameter == std::end(kParameters)) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not an option; cb-agent enroll --help lists them",
                  name.substr(0, 64));
    }
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (!parameter->value.empty()) {
      if (++i == arguments.size())
        return fail(ErrorCode::kInvalidArgument, "{} needs a value: {} {}", name, name, parameter->value);
      value = arguments[i];
    }
    if (!parameter->value.empty() && value.empty()) return fail(ErrorCode::kInvalidArgument, "{} is empty", name);
    DF_TRY(set(out, given, name, value));
  }
  if (out.help) return out;
  if (out.url.host.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--server URL is missing, like https://192.0.2.10:9090");
  }
  if (given.empty()) return fail(ErrorCode::kInvalidArgument, "--token is missing; `cbmon agent token new` makes one");
  const auto text = token_text(given, files);
  if (!text) return fail(text.error());
  auto parsed = parse_agent_token(*text);
  if (!parsed) return fail(parsed.error().code, "--token: {}", parsed.error().message);
  out.token = std::move(*parsed);
  if (out.key_file.empty()) out.key_file = default_key_file(files);
  DF_TRY(check_channel(out));
  return out;
}

std::string enrol_help() {
  std::string out =
      "cb-agent enroll: exchanges a token for this machine's key. The token says who vouches for the server.\n\n"
      "usage: cb-agent enroll --server URL --token TOKEN [OPTION]…\n\n";
  for (const Parameter& parameter : kParameters) {
    const std::string left =
        parameter.value.empty() ? std::string(parameter.name) : fmt::format("{} {}", parameter.name, parameter.value);
    out += fmt::format("  {:<20} {}\n", left, parameter.help);
  }
  return out;
}

Result<AgentKey> enrol(const EnrolOptions& options, const std::string& hostname, const Clock& clock, Random& random,
                       FileSystem& files) {
  const std::string vm = options.vm.value_or(hostname);
  DF_TRY(check_name(options.vm ? "--vm" : "this machine's name (--vm gives another)", vm));
  auto authorities = fetch_authorities(options, clock, random);
  if (!authorities) return fail(authorities.error());
  const auto place = look_up_cloud(options.metadata, options.root);
  const MachineIdentity machine = read_machine(files, options.root, place ? place->instance_id : std::string());
  const std::string body = wish(vm, machine);
  const std::string token = options.token.text();
  HttpsClient client({options.url, *authorities}, clock, random);
  HttpsQuestion question{"POST", "/api/v1/agents/enroll", token};
  question.body = as_bytes(body);
  auto answer = client.ask(question);
  if (!answer) return fail(answer.error());
  if (answer->status != 201) {
    const ErrorCode code = answer->status == 401   ? ErrorCode::kUnauthenticated
                           : answer->status == 409 ? ErrorCode::kConflict
                                                   : ErrorCode::kUnavailable;
    return fail(code, "{} says no: {}", options.url.to_string(), message_of(*answer));
  }
  auto key = read_answer(as_text(answer->body), options.url.to_string());
  wipe(answer->body);
  if (!key) return key;
  key->enrolment->url = options.url.to_string();
  key->enrolment->machine = machine;
  key->enrolment->authorities = std::move(*authorities);
  DF_TRY(write_key(*key, options.key_file, files));
  return key;
}

}  // namespace dragonfly
