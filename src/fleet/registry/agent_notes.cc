#include "fleet/registry/agent_notes.h"

#include "base/core/bytes.h"

namespace dragonfly {
namespace {

constexpr uint64_t kFileBytesMax = 128u << 20;

}  // namespace

Result<std::unique_ptr<AgentNotes>> AgentNotes::open(FileSystem& files, const Path& data_directory) {
  std::unique_ptr<AgentNotes> out(new AgentNotes(files, data_directory / "agents.metadata"));
  const auto content = files.read_file(out->file_, kFileBytesMax);
  if (!content && content.error().code == ErrorCode::kNotFound) return out;
  if (!content) return fail(content.error());
  auto parsed = parse_agent_notes(as_text(*content));
  if (!parsed) return fail(parsed.error().code, "{}: {}", out->file_.string(), parsed.error().message);
  for (NotedAgent& agent : parsed->agents) out->notes_[std::move(agent.vm)] = std::move(agent.note);
  out->damaged_lines_ = parsed->damaged_lines;
  return out;
}

AgentNote AgentNotes::of(const VmIdentity& vm) const {
  const std::lock_guard lock(mutex_);
  const auto found = notes_.find(vm);
  return found == notes_.end() ? AgentNote{} : found->second;
}

Result<> AgentNotes::set(const VmIdentity& vm, AgentNote note) {
  const std::lock_guard lock(mutex_);
  auto next = notes_;
  if (note == AgentNote{}) {
    next.erase(vm);
  } else {
    next[vm] = std::move(note);
  }
  if (next == notes_) return {};
  if (next.size() > kAgentNotesMax)
    return fail(ErrorCode::kResourceExhausted, "metadata of {} agents are kept; there is room for no more",
                kAgentNotesMax);
  std::vector<NotedAgent> all;
  for (const auto& [identity, one] : next) all.push_back({identity, one});
  DF_TRY(files_.replace_file(file_, as_bytes(format_agent_notes(all))));
  notes_ = std::move(next);
  return {};
}

size_t AgentNotes::size() const {
  const std::lock_guard lock(mutex_);
  return notes_.size();
}

}  // namespace dragonfly
