#include "fleet/policy/policy_store.h"

#include <algorithm>

#include "base/core/checked_line.h"

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

std::string namespace_names() {
  std::string out;
  for (const ConfigKey& key : policy_config_keys()) {
    if (is_namespace_key(key)) out += fmt::format("{}{}", out.empty() ? "" : ", ", last_part(key.name));
  }
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
    : files_(files),
      path_(std::move(path)),
      configured_(configured),
      current_(std::make_shared<PolicySet>(PolicySet{configured, {}})) {}

Result<std::unique_ptr<PolicyStore>> PolicyStore::open(FileSystem& files, Path path, const Policy& configured) {
  std::unique_ptr<PolicyStore> store(new PolicyStore(files, std::move(path), configured));
  DF_TRY(store->load());
  return store;
}

Result<> PolicyStore::load() {
  DF_TRY(load_history());
  const Result<> loaded = load_file();
  if (loaded) {
    std::erase_if(history_, [&](const PolicyVersion& version) { return version.number > version_; });
    return {};
  }
  if (loaded.error().code == ErrorCode::kPermissionDenied) return loaded;
  // The history is written first, so its newest version is what was in force, or what was about to be.
  const bool taken = !history_.empty() && take_loaded(history_.back().number, history_.back().changed);
  if (!taken && !history_.empty()) version_ = history_.back().number;
  damage_.push_back(fmt::format(
      "{}: {}; in force is {}", path_.string(), loaded.error().message,
      taken ? fmt::format("version {} of the history", version_) : std::string("what the configuration says")));
  return {};
}

Result<> PolicyStore::load_file() {
  const auto bytes = files_.read_file(path_, kPolicyFileBytesMax);
  if (!bytes) return bytes.error().code == ErrorCode::kNotFound ? Result<>() : Result<>(fail(bytes.error()));
  const auto file = parse_policy_file(as_text(*bytes));
  if (!file) return fail(file.error());
  return take_loaded(file->version, file->named);
}

Result<> PolicyStore::take_loaded(uint64_t version, const ByName& changed) {
  auto policies = all_with(changed);
  if (!policies) return fail(policies.error());
  version_ = version;
  changed_ = changed;
  current_ = std::make_shared<PolicySet>(std::move(*policies));
  return {};
}

Result<> PolicyStore::load_history() {
  const Path path = history_path(path_);
  const auto bytes = files_.read_file(path, kHistoryBytesMax);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kPermissionDenied) return fail(bytes.error());
    if (bytes.error().code != ErrorCode::kNotFound) damage_.push_back(bytes.error().message);
    return {};
  }
  history_ = parse_policy_history(as_text(*bytes));
  size_t damaged = 0;
  for (const std::string_view line : lines_of(as_text(*bytes)))
    damaged += !line.empty() && parse_policy_history(line).empty() ? 1 : 0;
  if (damaged > 0) damage_.push_back(fmt::format("{}: {} lines are cut or damaged", path.string(), damaged));
  return {};
}

Policy PolicyStore::current() const {
  const std::lock_guard lock(mutex_);
  return current_->server;
}

std::shared_ptr<const PolicySet> PolicyStore::all() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::vector<std::string> PolicyStore::own_keys(std::string_view ns) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, value] : changed_) {
    const ChangeName change = parse_change_name(name);
    if (change.ns == ns) out.emplace_back(change.key);
  }
  return out;
}

uint64_t PolicyStore::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

Result<PolicySet> PolicyStore::all_with(const ByName& changed) const {
  auto server = with(changed, {});
  if (!server) return fail(std::move(server).error());
  PolicySet out{std::move(*server), {}};
  for (const auto& [name, value] : changed) {
    const std::string ns = parse_change_name(name).ns;
    if (ns.empty() || out.namespaces.contains(ns)) continue;
    auto policy = with(changed, ns);
    if (!policy) return fail(std::move(policy).error());
    out.namespaces.emplace(ns, std::move(*policy));
  }
  return out;
}

Result<Policy> PolicyStore::with(const ByName& changed, std::string_view ns) const {
  ConfigInput input;
  for (const Policy::Entry& entry : configured_.list()) {
    const ConfigKey* key = find_policy_key(entry.name);
    const bool is_alias = last_part(key->name) != entry.name;
    if (is_alias) continue;
    auto change = ns.empty() ? changed.end() : changed.find(change_name(entry.name, ns));
    if (change == changed.end()) change = changed.find(entry.name);
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

Result<PolicyStore::Outcome> PolicyStore::change(const Changes& changes, PolicyAuthor author, std::string_view ns) {
  ByName named;
  std::vector<std::string> warnings;
  for (const auto& [name, value] : changes) {
    const ConfigKey* key = find_policy_key(name);
    if (key == nullptr && means_nothing_here(name)) {
      warnings.push_back(fmt::format("{} has no meaning here and is not kept", name));
    } else if (key == nullptr) {
      return fail(ErrorCode::kInvalidArgument, "'{}' is not a key of the policy; there are {}", name.substr(0, 64),
                  known_names());
    } else if (!ns.empty() && !is_namespace_key(*key)) {
      return fail(ErrorCode::kInvalidArgument,
                  "{} is the same for the whole server; a namespace may have {} of its own", last_part(key->name),
                  namespace_names());
    } else if (value.find_first_of("\n\r\t") != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "{} holds a line break or a tab; it takes {}", name,
                  allowed_values(*key));
    } else if (!named.emplace(change_name(last_part(key->name), ns), value).second) {
      return fail(ErrorCode::kInvalidArgument, "{} is given twice, perhaps under its other name", last_part(key->name));
    }
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [name, value] : changed_) named.try_emplace(name, value);
  return take(std::move(named), std::move(warnings), std::move(author), ns);
}

Result<PolicyStore::Outcome> PolicyStore::reset(PolicyAuthor author, std::string_view ns) {
  const std::lock_guard lock(mutex_);
  ByName rest = changed_;
  std::erase_if(rest, [&](const auto& change) { return parse_change_name(change.first).ns == ns; });
  return take(std::move(rest), {}, std::move(author), ns);
}

Result<PolicyStore::Outcome> PolicyStore::roll_back(uint64_t number, PolicyAuthor author) {
  const std::lock_guard lock(mutex_);
  if (number == 0) return take({}, {}, std::move(author), {});
  const auto found = std::ranges::find(history_, number, &PolicyVersion::number);
  if (found == history_.end()) {
    return fail(ErrorCode::kNotFound, "version {} is not in the history, which has {}", number,
                history_.empty() ? std::string("none")
                                 : fmt::format("{} to {}", history_.front().number, history_.back().number));
  }
  return take(ByName(found->changed), {}, std::move(author), {});
}

std::vector<PolicyVersion> PolicyStore::history() const {
  const std::lock_guard lock(mutex_);
  return {history_.rbegin(), history_.rend()};
}

Result<PolicyStore::Outcome> PolicyStore::take(ByName changed, std::vector<std::string> warnings, PolicyAuthor author,
                                               std::string_view ns) {
  auto policies = all_with(changed);
  if (!policies) return fail(policies.error());
  Outcome outcome{current_->of(ns), policies->of(ns), std::move(warnings), changed_, changed};
  if (changed == changed_) return outcome;
  // First, so that what is in force is always in it; where the next step fails its number is used again.
  std::vector<PolicyVersion> history = history_;
  history.push_back({version_ + 1, std::move(author), changed});
  if (history.size() > kPolicyHistoryMax) history.erase(history.begin());
  const std::string text = format_policy_file({version_ + 1, changed});
  if (text.size() > kPolicyFileBytesMax) {
    return fail(ErrorCode::kResourceExhausted,
                "the changes take {} bytes; allowed are {}; reset those of namespaces that are gone", text.size(),
                kPolicyFileBytesMax);
  }
  const std::string lines = format_policy_history(history);
  DF_TRY(files_.replace_file(history_path(path_), as_bytes(lines)));
  DF_TRY(files_.replace_file(path_, as_bytes(text)));
  ++version_;
  history_ = std::move(history);
  changed_ = std::move(changed);
  current_ = std::make_shared<PolicySet>(std::move(*policies));
  return outcome;
}

}  // namespace dragonfly
