#include "fleet/registry/agent_registry.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/core/names.h"
#include "fleet/registry/agent_line.h"
#include "model/frame/frame.h"

namespace dragonfly {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;

Result<Key256> read_master_key(FileSystem& files, const Path& path) {
  auto content = files.read_file(path, 4096);
  if (!content) return fail(std::move(content).error());
  std::string_view text = as_text(*content);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  Bytes bytes = from_hex(text);
  wipe(*content);
  Key256 key{};
  if (bytes.size() != key.size()) {
    return fail(ErrorCode::kCorruption,
                "{} should hold 64 hexadecimal digits; restore it from a backup: without it no agent's "
                "key works",
                path.string());
  }
  std::copy(bytes.begin(), bytes.end(), key.begin());
  wipe(bytes);
  return key;
}

// The lock keeps two processes that start at once from making two master keys.
class FileLock {
 public:
  explicit FileLock(const Path& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ >= 0) flock(descriptor_, LOCK_EX);
  }
  ~FileLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace

RegistryCheck AgentRegistry::check(FileSystem& files, const Path& data_directory) {
  RegistryCheck out;
  auto key = read_master_key(files, data_directory / "secrets" / "fleet.key");
  if (key) {
    wipe(*key);
  } else if (key.error().code != ErrorCode::kNotFound) {
    out.damage.push_back(key.error().message);
  }
  const auto content = files.read_file(data_directory / "registry" / "agents", kFileBytesMax);
  if (!content) {
    if (content.error().code != ErrorCode::kNotFound) out.damage.push_back(content.error().message);
    return out;
  }
  if (!key && key.error().code == ErrorCode::kNotFound) out.damage.push_back(key.error().message);
  std::map<uint64_t, bool> active;
  std::string_view text = as_text(*content);
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const bool unfinished = end == text.size();
    if (const auto record = parse_agent_line(text.substr(0, end))) {
      active[record->agent_id] = !record->revoked;
    } else if (end > 0) {
      out.damage.push_back(
          fmt::format("registry/agents: line {} is {}", number, unfinished ? "unfinished" : "damaged"));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.agents = static_cast<uint64_t>(std::ranges::count_if(active, [](const auto& one) { return one.second; }));
  return out;
}

Result<AgentRegistry> AgentRegistry::open(FileSystem& files, Random& random, const Path& data_directory) {
  const Path secrets = data_directory / "secrets";
  const Path registry = data_directory / "registry";
  DF_TRY(files.make_directories(secrets));
  DF_TRY(files.make_directories(registry));
  const FileLock lock(registry / "lock");
  auto key = read_master_key(files, secrets / "fleet.key");
  if (!key && key.error().code == ErrorCode::kNotFound) {
    Key256 fresh{};
    random.fill(fresh);
    DF_TRY(files.replace_file(secrets / "fleet.key", as_bytes(to_hex(fresh) + "\n")));
    key = fresh;
  }
  if (!key) return fail(std::move(key).error());
  return AgentRegistry(files, random, registry / "agents", *key);
}

Result<std::vector<AgentRecord>> AgentRegistry::poll() {
  std::vector<AgentRecord> records;
  struct stat info {};
  if (stat(file_.c_str(), &info) != 0) return records;
  const auto size = static_cast<uint64_t>(info.st_size);
  unfinished_bytes_ = 0;
  if (size < read_bytes_) read_bytes_ = 0;  // Replaced (a restored backup): read it all again.
  if (size == read_bytes_) return records;
  auto content = files_->read_file(file_, kFileBytesMax);
  if (!content) return fail(std::move(content).error());
  std::string_view text = as_text(*content).substr(std::min<uint64_t>(read_bytes_, content->size()));
  while (true) {
    const size_t newline = text.find('\n');
    if (newline == std::string_view::npos) break;  // A line that is being written now.
    if (auto record = parse_agent_line(text.substr(0, newline))) {
      records.push_back(std::move(*record));
    } else if (newline > 0) {
      ++damaged_lines_;
    }
    text.remove_prefix(newline + 1);
    read_bytes_ += newline + 1;
  }
  unfinished_bytes_ = text.size();
  return records;
}

Result<std::vector<AgentKey>> AgentRegistry::create(const std::vector<VmIdentity>& vms) {
  if (vms.empty() || vms.size() > kAgentsMax) {
    return fail(ErrorCode::kInvalidArgument, "{} agents at once; allowed are 1 to {}", vms.size(), kAgentsMax);
  }
  std::vector<AgentRecord> records;
  records.reserve(vms.size());
  for (const VmIdentity& vm : vms) {
    DF_TRY(check_name("--ns", vm.ns));
    DF_TRY(check_name("--mcis", vm.mcis));
    DF_TRY(check_name("--vm", vm.vm));
    records.push_back({random_->next(), 1, false, vm});
  }
  DF_TRY(append(records));
  std::vector<AgentKey> keys;
  keys.reserve(vms.size());
  for (const AgentRecord& record : records) keys.push_back(key_of(record));
  return keys;
}

Result<> AgentRegistry::append(std::span<const AgentRecord> records) {
  std::string lines = "\n";  // Ends a line that a crash may have cut.
  for (const AgentRecord& record : records) lines += format_agent_line(record);
  const FileLock lock(file_.parent_path() / "lock");
  auto file = files_->open_append(file_, true);
  if (!file) return fail(std::move(file).error());
  DF_TRY((*file)->append(as_bytes(lines)));
  return (*file)->sync();
}

AgentKey AgentRegistry::key_of(const AgentRecord& record) const {
  AgentKey key;
  key.agent_id = record.agent_id;
  key.epoch = record.epoch;
  key.key = derive_agent_key(master_, record.agent_id, record.epoch);
  key.ns = record.vm.ns;
  key.mcis = record.vm.mcis;
  key.vm = record.vm.vm;
  return key;
}

}  // namespace dragonfly
