#include "edge/agent/identity.h"

#include <cstring>

#include "base/core/names.h"

namespace dragonfly {
namespace {

bool names(const std::optional<std::string>& given, const std::string& of_key) { return !given || *given == of_key; }

Result<> check_same(std::string_view parameter, const std::optional<std::string>& given, const std::string& of_key) {
  if (names(given, of_key)) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is '{}', but the key file is for '{}'; leave {} away or use another key",
              parameter, *given, of_key, parameter);
}

Result<const AgentKey*> choose(const AgentOptions& options, std::span<const AgentKey> keys) {
  if (keys.size() == 1) return &keys.front();
  const AgentKey* found = nullptr;
  for (const AgentKey& key : keys) {
    if (!names(options.ns, key.ns) || !names(options.mcis, key.mcis) || !names(options.vm, key.vm)) continue;
    if (found != nullptr) {
      return fail(ErrorCode::kInvalidArgument,
                  "--key: the file has {} keys, and more than one fits; name one VM by --vm", keys.size());
    }
    found = &key;
  }
  if (found == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "--key: none of the file's {} keys fits --ns, --mcis and --vm",
                keys.size());
  }
  return found;
}

}  // namespace

uint64_t plain_agent_id(std::string_view ns, std::string_view mcis, std::string_view vm) {
  std::string text(ns);
  text.append(1, '\0').append(mcis).append(1, '\0').append(vm);
  const Digest256 digest = sha256(as_bytes(text));
  uint64_t id = 0;
  std::memcpy(&id, digest.data(), sizeof id);
  return id;
}

Result<AgentIdentity> make_identity(const AgentOptions& options, std::span<const AgentKey> keys,
                                    std::string_view hostname) {
  AgentIdentity out;
  if (!options.key_file.empty()) {
    if (keys.empty()) return fail(ErrorCode::kInvalidArgument, "--key: '{}' has no key", options.key_file);
    const auto chosen = choose(options, keys);
    if (!chosen) return fail(chosen.error());
    const AgentKey& key = **chosen;
    DF_TRY(check_same("--ns", options.ns, key.ns));
    DF_TRY(check_same("--mcis", options.mcis, key.mcis));
    DF_TRY(check_same("--vm", options.vm, key.vm));
    return AgentIdentity{key.agent_id, key.epoch, key.key, key.ns, key.mcis, key.vm, key.enrolment};
  }
  out.ns = options.ns.value_or("default");
  out.mcis = options.mcis.value_or("default");
  out.vm = options.vm.value_or(std::string(hostname));
  DF_TRY(check_name(options.vm ? "--vm" : "this machine's name (--vm gives another)", out.vm));
  out.agent_id = plain_agent_id(out.ns, out.mcis, out.vm);
  return out;
}

Result<> keep_next_key(FileSystem& files, const Path& file, uint64_t agent_id, const NextKey& next) {
  constexpr uint64_t kBytesMax = 1 << 20;
  auto text = files.read_file(file, kBytesMax);
  if (!text) return fail(text.error());
  auto keys = parse_key_file(as_text(*text));
  wipe(*text);
  if (!keys) return fail(keys.error().code, "{}: {}", file.string(), keys.error().message);
  std::string out;
  bool found = false;
  for (AgentKey& key : *keys) {
    if (key.agent_id == agent_id) {
      key.epoch = next.epoch;
      key.key = next.key;
      found = true;
    }
    out += format_agent_key(key);
    wipe(key.key);
  }
  if (!found) return fail(ErrorCode::kNotFound, "{} has no key of agent {:016x}", file.string(), agent_id);
  const auto written = files.replace_file(file, as_bytes(out));
  wipe(std::span(reinterpret_cast<uint8_t*>(out.data()), out.size()));
  return written;
}

std::string server_of(const AgentOptions& options, const AgentIdentity& identity) {
  if (!options.server.empty()) return options.server;
  return identity.enrolment ? identity.enrolment->udp : std::string(kServerDefault);
}

Result<> check_machine(const AgentIdentity& identity, const MachineIdentity& here) {
  if (!identity.enrolment) return {};
  const MachineIdentity& enrolled = identity.enrolment->machine;
  if (!compare(enrolled, here).is_other_machine()) return {};
  std::string what;
  const auto note = [&](std::string_view name, const std::string& a, const std::string& b) {
    if (!a.empty() && !b.empty() && a != b) what += fmt::format("{}{}", what.empty() ? "" : " and ", name);
  };
  note("the machine-id", enrolled.machine, here.machine);
  note("the firmware's UUID", enrolled.firmware, here.firmware);
  note("the cloud's instance id", enrolled.instance, here.instance);
  return fail(
      ErrorCode::kConflict,
      "this machine is not the one that enrolled as {}/{}/{}: {} differ, as on a clone. Nothing is sent; `cb-agent "
      "enroll` gives this machine a key of its own",
      identity.ns, identity.mcis, identity.vm, what);
}

uint32_t whole_ms(Duration interval) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(interval).count());
}

Result<Dictionary> make_dictionary(const AgentOptions& options, const AgentIdentity& identity, const HostFacts& host) {
  Dictionary out;
  const auto label = [&](const char* key, const std::string& value) {
    if (!value.empty() && check_name(key, value)) out.labels[key] = value;
  };
  label("nsId", identity.ns);
  label("mcisId", identity.mcis);
  label("vmId", identity.vm);
  label("hostId", host.hostname);
  label("osType", host.os_type);
  label("cspType", options.csp.empty() ? host.place.csp : options.csp);
  label("region", options.region.empty() ? host.place.region : options.region);
  label("zone", host.place.zone);
  label("instanceId", host.place.instance_id);
  label("instanceType", host.place.instance_type);
  out.boot_id = host.boot_id;
  out.interval_ms = whole_ms(kIntervalMax);  // While it is measured: the server may set any.
  for (const char* key : {"instanceType", "instanceId", "zone"}) {
    if (out.encode().size() > kIdentityBytesMax) out.labels.erase(key);
  }
  if (const size_t size = out.encode().size(); size > kIdentityBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "--ns, --mcis, --vm, --csp and --region make {} bytes of identity; at most {} fit into a frame", size,
                kIdentityBytesMax);
  }
  out.interval_ms = whole_ms(options.interval);
  return out;
}

}  // namespace dragonfly
