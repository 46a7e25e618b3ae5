#include "fleet/registry/enrolment.h"

#include <algorithm>

#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr uint64_t kFileBytesMax = 64u << 20;
constexpr const char* kFileName = "agent-tokens";

// Takes the same time wherever the first difference is.
bool same(const Digest256& a, const Digest256& b) {
  uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

Timestamp whole_seconds(Timestamp time) { return std::chrono::floor<std::chrono::seconds>(time); }

Result<> check(const NewAgentToken& wanted) {
  if (!wanted.name.empty()) DF_TRY(check_name("name", wanted.name));
  DF_TRY(check_name("ns", wanted.ns));
  DF_TRY(check_name("mcis", wanted.mcis));
  if (wanted.lifetime < kAgentTokenLifetimeMin || wanted.lifetime > kAgentTokenLifetimeMax) {
    return fail(ErrorCode::kInvalidArgument, "'expires' is {} from now; allowed are {} to {}",
                format_duration(wanted.lifetime), format_duration(kAgentTokenLifetimeMin),
                format_duration(kAgentTokenLifetimeMax));
  }
  if (wanted.uses_max > kAgentTokenUsesMax) {
    return fail(ErrorCode::kInvalidArgument, "'uses' is {}; allowed are 1 to {}, or none", wanted.uses_max,
                kAgentTokenUsesMax);
  }
  return {};
}

MachineIdentity machine_of(const AgentRecord& record) { return {record.machine, record.firmware, record.instance}; }

}  // namespace

Result<std::unique_ptr<Enrolment>> Enrolment::open(FileSystem& files, Random& random, const Clock& clock,
                                                   const Path& data_directory) {
  auto registry = AgentRegistry::open(files, random, data_directory);
  if (!registry) return fail(std::move(registry).error());
  std::unique_ptr<Enrolment> out(
      new Enrolment(files, clock, random, std::move(*registry), data_directory / "secrets" / kFileName));
  const auto content = files.read_file(out->file_, kFileBytesMax);
  if (!content) {
    if (content.error().code == ErrorCode::kNotFound) return out;
    return fail(content.error());
  }
  auto parsed = parse_agent_token_file(as_text(*content));
  if (!parsed) return fail(parsed.error().code, "{}: {}", out->file_.string(), parsed.error().message);
  out->tokens_ = std::move(parsed->tokens);
  out->damaged_lines_ = parsed->damaged_lines;
  return out;
}

Result<> Enrolment::save(const std::vector<AgentTokenRecord>& tokens) {
  return files_.replace_file(file_, as_bytes(format_agent_token_file(tokens)));
}

Result<Enrolment::CreatedToken> Enrolment::create_token(NewAgentToken wanted) {
  DF_TRY(check(wanted));
  std::array<uint8_t, 8> id{};
  std::array<uint8_t, 16> secret{};
  random_.fill(id);
  random_.fill(secret);
  const AgentToken token{to_hex(id), to_hex(secret), wanted.authority};
  wipe(secret);
  CreatedToken out{{}, token.text()};
  AgentTokenRecord& record = out.record;
  record.id = token.id;
  record.name = std::move(wanted.name);
  record.ns = std::move(wanted.ns);
  record.mcis = std::move(wanted.mcis);
  const Timestamp now = clock_.wall();
  record.created = whole_seconds(now);
  record.expires = whole_seconds(now + wanted.lifetime);
  record.uses_max = wanted.uses_max;
  record.digest = token.digest();
  const std::lock_guard lock(mutex_);
  std::vector<AgentTokenRecord> next = tokens_;
  std::erase_if(next, [now](const AgentTokenRecord& one) { return one.expires + kAgentTokenKept < now; });
  if (next.size() >= kAgentTokensMax) {
    return fail(ErrorCode::kResourceExhausted, "there are {} tokens for agents, which is the limit: revoke some",
                kAgentTokensMax);
  }
  next.push_back(record);
  DF_TRY(save(next));
  tokens_ = std::move(next);
  return out;
}

Result<AgentTokenRecord> Enrolment::revoke_token(std::string_view id) {
  const std::lock_guard lock(mutex_);
  std::vector<AgentTokenRecord> next = tokens_;
  const auto found = std::ranges::find(next, id, &AgentTokenRecord::id);
  if (found == next.end()) {
    return fail(ErrorCode::kNotFound, "the token '{}' for agents is not known", id.substr(0, 100));
  }
  AgentTokenRecord revoked = *found;
  next.erase(found);
  DF_TRY(save(next));
  tokens_ = std::move(next);
  return revoked;
}

std::vector<AgentTokenRecord> Enrolment::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

// All that is wrong with a token sounds alike to who does not have its secret.
Result<AgentTokenRecord> Enrolment::find_good(std::string_view text) const {
  const auto token = parse_agent_token(text);
  if (!token) return fail(ErrorCode::kUnauthenticated, "{}", token.error().message);
  const auto found = std::ranges::find(tokens_, token->id, &AgentTokenRecord::id);
  if (found == tokens_.end() || !same(found->digest, token->digest())) {
    return fail(ErrorCode::kUnauthenticated,
                "the token is not known, or was revoked; `cbmon agent token new` makes another");
  }
  if (found->expires <= clock_.wall()) {
    return fail(ErrorCode::kUnauthenticated, "the token has expired ({}); `cbmon agent token new` makes another",
                format_rfc3339(found->expires));
  }
  if (found->uses_max != 0 && found->uses >= found->uses_max) {
    return fail(ErrorCode::kUnauthenticated, "the token has been used {} times, which is all that it may be",
                found->uses);
  }
  return *found;
}

Result<AgentTokenRecord> Enrolment::check_token(std::string_view text) const {
  const std::lock_guard lock(mutex_);
  return find_good(text);
}

Result<> Enrolment::read_register() {
  auto records = registry_.poll();
  if (!records) return fail(std::move(records).error());
  for (AgentRecord& record : *records) agents_[record.agent_id] = std::move(record);
  return {};
}

const AgentRecord* Enrolment::active_agent_of(const VmIdentity& vm) const {
  for (const auto& [id, record] : agents_) {
    if (!record.revoked && record.vm == vm) return &record;
  }
  return nullptr;
}

Result<Enrolment::Enrolled> Enrolment::enrol(const EnrolmentWish& wish) {
  const std::lock_guard lock(mutex_);
  auto token = find_good(wish.token);
  if (!token) return fail(std::move(token).error());
  DF_TRY(check_name("vm", wish.vm));
  DF_TRY(read_register());
  AgentRecord fresh{random_.next(), 1, false, {token->ns, token->mcis, wish.vm}};
  fresh.machine = wish.machine.machine;
  fresh.firmware = wish.machine.firmware;
  fresh.instance = wish.machine.instance;
  std::vector<AgentRecord> changed;
  std::optional<AgentRecord> replaced;
  if (const AgentRecord* before = active_agent_of(fresh.vm)) {
    const bool silent = !wish.silent || *wish.silent >= kTakeOverAfter;
    if (!silent && !is_same_machine(machine_of(*before), wish.machine)) {
      return fail(ErrorCode::kConflict,
                  "vm '{}' of '{}' in namespace '{}' has an agent on another machine, which was heard {} ago: name "
                  "this machine otherwise (--vm), or let it take the other's place (`cbmon agent replace {}`)",
                  fresh.vm.vm, fresh.vm.mcis, fresh.vm.ns,
                  format_duration(std::chrono::floor<std::chrono::seconds>(*wish.silent)), fresh.vm.vm);
    }
    replaced = *before;
    changed.push_back(*before);
    changed.back().revoked = true;
  }
  changed.push_back(fresh);
  // The use is on disk before the key is: a token never gives more than it may.
  std::vector<AgentTokenRecord> next = tokens_;
  AgentTokenRecord& used = *std::ranges::find(next, token->id, &AgentTokenRecord::id);
  ++used.uses;
  Enrolled out{registry_.key_of(fresh), used, std::move(replaced)};
  DF_TRY(save(next));
  tokens_ = std::move(next);
  DF_TRY(registry_.append(changed));
  for (AgentRecord& record : changed) agents_[record.agent_id] = std::move(record);
  return out;
}

Result<AgentRecord> Enrolment::find_active(uint64_t agent_id) {
  DF_TRY(read_register());
  const auto found = agents_.find(agent_id);
  if (found == agents_.end()) return fail(ErrorCode::kNotFound, "agent {:016x} is not known", agent_id);
  if (found->second.revoked) return fail(ErrorCode::kConflict, "agent {:016x} is revoked", agent_id);
  return found->second;
}

Result<> Enrolment::keep(const AgentRecord& record) {
  DF_TRY(registry_.append(std::span(&record, 1)));
  agents_[record.agent_id] = record;
  return {};
}

Result<Enrolment::Change> Enrolment::rotate(uint64_t agent_id) {
  const std::lock_guard lock(mutex_);
  const auto before = find_active(agent_id);
  if (!before) return fail(before.error());
  if (before->older_epoch != 0) {
    return fail(ErrorCode::kConflict, "agent {:016x} has not used its newest key yet; it gets it when it is heard",
                agent_id);
  }
  if (before->epoch == UINT8_MAX) {
    return fail(ErrorCode::kResourceExhausted, "agent {:016x} has had all {} keys; let it enrol anew", agent_id,
                UINT8_MAX);
  }
  AgentRecord after = *before;
  after.older_epoch = before->epoch;
  ++after.epoch;
  DF_TRY(keep(after));
  return Change{*before, after};
}

Result<Enrolment::Change> Enrolment::revoke(uint64_t agent_id) {
  const std::lock_guard lock(mutex_);
  const auto before = find_active(agent_id);
  if (!before) return fail(before.error());
  AgentRecord after = *before;
  after.revoked = true;
  DF_TRY(keep(after));
  return Change{*before, after};
}

Result<> Enrolment::epoch_used(uint64_t agent_id, uint8_t epoch) {
  const std::lock_guard lock(mutex_);
  auto record = find_active(agent_id);
  if (!record) return fail(record.error());
  if (record->epoch != epoch || record->older_epoch == 0) return {};
  record->older_epoch = 0;
  return keep(*record);
}

Result<std::vector<AgentRecord>> Enrolment::agents() {
  const std::lock_guard lock(mutex_);
  DF_TRY(read_register());
  std::vector<AgentRecord> out;
  out.reserve(agents_.size());
  for (const auto& [id, record] : agents_) out.push_back(record);
  return out;
}

AgentTokensCheck check_agent_tokens(FileSystem& files, const Path& data_directory) {
  AgentTokensCheck out;
  const Path path = data_directory / "secrets" / kFileName;
  const auto content = files.read_file(path, kFileBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return out;
  const auto parsed = content ? parse_agent_token_file(as_text(*content)) : fail(content.error());
  if (!parsed) {
    out.damaged = 1;
    out.damage.push_back(fmt::format("{}: {}", path.string(), parsed.error().message));
    return out;
  }
  out.tokens = parsed->tokens.size();
  out.damaged = parsed->damaged_lines;
  if (out.damaged > 0) out.damage.push_back(fmt::format("{}: {} lines are cut or damaged", path.string(), out.damaged));
  return out;
}

}  // namespace dragonfly
