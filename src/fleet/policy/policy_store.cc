#include "fleet/policy/policy_store.h"

namespace dragonfly {
namespace {

// Keys of CB-Dragonfly up to 0.8 that have nothing to say here.
bool means_nothing_here(std::string_view name) { return name.starts_with("mck8s_") || name == "deploy_type"; }

std::string known_names() {
  std::string out;
  for (const ConfigKey& key : policy_config_keys())
    out += fmt::format("{}{}", out.empty() ? "" : ", ", last_part(key.name));
  return out;
}

std::string text_of(const Policy::Entry& entry) {
  if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
  return fmt::format("{}", std::get<double>(entry.value));
}

}  // namespace

PolicyStore::PolicyStore(FileSystem& files, Path path, const Policy& configured)
    : files_(files), path_(std::move(path)), configured_(configured), current_(configured) {}

Result<std::unique_ptr<PolicyStore>> PolicyStore::open(FileSystem& files, Path path, const Policy& configured) {
  std::unique_ptr<PolicyStore> store(new PolicyStore(files, std::move(path), configured));
  if (auto loaded = store->load(); !loaded) {
    return fail(loaded.error().code, "{}: {}; remove the file to forget the changes in it", store->path_.string(),
                loaded.error().message);
  }
  return store;
}

Result<> PolicyStore::load() {
  const auto bytes = files_.read_file(path_, kPolicyFileBytesMax);
  if (!bytes) return bytes.error().code == ErrorCode::kNotFound ? Result<>() : Result<>(fail(bytes.error()));
  auto file = parse_policy_file(as_text(*bytes));
  if (!file) return fail(file.error());
  version_ = file->version;
  changed_ = std::move(file->named);
  auto policy = with(changed_);
  if (!policy) return fail(policy.error());
  current_ = *policy;
  return {};
}

Policy PolicyStore::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

uint64_t PolicyStore::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

Result<Policy> PolicyStore::with(const ByName& changed) const {
  ConfigInput input;
  for (const Policy::Entry& entry : configured_.list()) {
    const ConfigKey* key = find_policy_key(entry.name);
    const bool is_alias = last_part(key->name) != entry.name;
    if (is_alias) continue;
    const auto change = changed.find(entry.name);
    input.sets.push_back(fmt::format("{}={}", key->name, change == changed.end() ? text_of(entry) : change->second));
  }
  const auto config = Config::load(policy_config_keys(), input);
  if (!config) {
    // Nobody wrote a command line: the key alone is named.
    constexpr std::string_view kOption = "--set ";
    Error error = config.error();
    for (size_t at; (at = error.message.find(kOption)) != std::string::npos;) error.message.erase(at, kOption.size());
    return fail(std::move(error));
  }
  return Policy::from(*config);
}

Result<PolicyStore::Outcome> PolicyStore::change(const Changes& changes) {
  ByName named;
  std::vector<std::string> warnings;
  for (const auto& [name, value] : changes) {
    const ConfigKey* key = find_policy_key(name);
    if (key == nullptr && means_nothing_here(name)) {
      warnings.push_back(fmt::format("{} has no meaning here and is not kept", name));
    } else if (key == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a key of the policy; there are {}", name.substr(0, 64),
                  known_names());
    } else if (value.find_first_of("\n\r") != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "{} holds a line break; it takes {}", name, allowed_values(*key));
    } else if (!named.emplace(last_part(key->name), value).second) {
      return fail(ErrorCode::kInvalidArgument, "{} is given twice, perhaps under its other name", last_part(key->name));
    }
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [name, value] : changed_) named.try_emplace(name, value);
  return take(std::move(named), std::move(warnings));
}

Result<PolicyStore::Outcome> PolicyStore::reset() {
  const std::lock_guard lock(mutex_);
  return take({}, {});
}

Result<PolicyStore::Outcome> PolicyStore::take(ByName changed, std::vector<std::string> warnings) {
  auto policy = with(changed);
  if (!policy) return fail(policy.error());
  Outcome outcome{current_, *policy, std::move(warnings)};
  if (changed == changed_) return outcome;
  const std::string text = format_policy_file({version_ + 1, changed});
  DF_TRY(files_.replace_file(path_, as_bytes(text)));
  ++version_;
  changed_ = std::move(changed);
  current_ = *policy;
  return outcome;
}

}  // namespace dragonfly
