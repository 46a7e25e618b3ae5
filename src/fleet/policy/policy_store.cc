#include "fleet/policy/policy_store.h"

#include <algorithm>

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

constexpr size_t kHistoryBytesMax = kPolicyHistoryMax * kPolicyFileBytesMax;

Path history_path(const Path& path) { return path.string() + ".history"; }

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
  return load_history();
}

Result<> PolicyStore::load_history() {
  const auto bytes = files_.read_file(history_path(path_), kHistoryBytesMax);
  if (!bytes) return bytes.error().code == ErrorCode::kNotFound ? Result<>() : Result<>(fail(bytes.error()));
  history_ = parse_policy_history(as_text(*bytes));
  std::erase_if(history_, [&](const PolicyVersion& version) { return version.number > version_; });
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

Result<PolicyStore::Outcome> PolicyStore::change(const Changes& changes, PolicyAuthor author) {
  ByName named;
  std::vector<std::string> warnings;
  for (const auto& [name, value] : changes) {
    const ConfigKey* key = find_policy_key(name);
    if (key == nullptr && means_nothing_here(name)) {
      warnings.push_back(fmt::format("{} has no meaning here and is not kept", name));
    } else if (key == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a key of the policy; there are {}", name.substr(0, 64),
                  known_names());
    } else if (value.find_first_of("\n\r\t") != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "{} holds a line break or a tab; it takes {}", name,
                  allowed_values(*key));
    } else if (!named.emplace(last_part(key->name), value).second) {
      return fail(ErrorCode::kInvalidArgument, "{} is given twice, perhaps under its other name", last_part(key->name));
    }
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [name, value] : changed_) named.try_emplace(name, value);
  return take(std::move(named), std::move(warnings), std::move(author));
}

Result<PolicyStore::Outcome> PolicyStore::reset(PolicyAuthor author) {
  const std::lock_guard lock(mutex_);
  return take({}, {}, std::move(author));
}

Result<PolicyStore::Outcome> PolicyStore::roll_back(uint64_t number, PolicyAuthor author) {
  const std::lock_guard lock(mutex_);
  if (number == 0) return take({}, {}, std::move(author));
  const auto found = std::ranges::find(history_, number, &PolicyVersion::number);
  if (found == history_.end()) {
    return fail(ErrorCode::kNotFound, "version {} is not in the history, which has {}", number,
                history_.empty() ? std::string("none")
                                 : fmt::format("{} to {}", history_.front().number, history_.back().number));
  }
  return take(ByName(found->changed), {}, std::move(author));
}

std::vector<PolicyVersion> PolicyStore::history() const {
  const std::lock_guard lock(mutex_);
  return {history_.rbegin(), history_.rend()};
}

Result<PolicyStore::Outcome> PolicyStore::take(ByName changed, std::vector<std::string> warnings, PolicyAuthor author) {
  auto policy = with(changed);
  if (!policy) return fail(policy.error());
  Outcome outcome{current_, *policy, std::move(warnings)};
  if (changed == changed_) return outcome;
  // First, so that what is in force is always in it; where the next step fails its number is used again.
  std::vector<PolicyVersion> history = history_;
  history.push_back({version_ + 1, std::move(author), changed});
  if (history.size() > kPolicyHistoryMax) history.erase(history.begin());
  const std::string lines = format_policy_history(history);
  DF_TRY(files_.replace_file(history_path(path_), as_bytes(lines)));
  const std::string text = format_policy_file({version_ + 1, changed});
  DF_TRY(files_.replace_file(path_, as_bytes(text)));
  ++version_;
  history_ = std::move(history);
  changed_ = std::move(changed);
  current_ = *policy;
  return outcome;
}

}  // namespace dragonfly
