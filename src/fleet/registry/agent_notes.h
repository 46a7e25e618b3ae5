// AgentNotes: what operators say of agents, kept over restarts.
//
// Units      none.
// Ownership  borrows the FileSystem, which outlives it; owns <data>/agents.metadata.
// Threading  any thread: a mutex held for a look-up, and while the file is written.
// Errors     open(): the file's, naming it. set(): kResourceExhausted (kAgentNotesMax); what cannot be written is no
//            change.
// Limits     kAgentNotesMax.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/fs/file.h"
#include "fleet/registry/agent_notes_file.h"

namespace dragonfly {

class AgentNotes {
 public:
  static Result<std::unique_ptr<AgentNotes>> open(FileSystem& files, const Path& data_directory);
  // What was said, or what is usual.
  AgentNote of(const VmIdentity& vm) const;
  Result<> set(const VmIdentity& vm, AgentNote note);
  size_t size() const;
  // Of the file when it was opened: they were left out.
  size_t damaged_lines() const { return damaged_lines_; }

 private:
  AgentNotes(FileSystem& files, Path file) : files_(files), file_(std::move(file)) {}
  FileSystem& files_;
  const Path file_;
  size_t damaged_lines_ = 0;
  mutable std::mutex mutex_;  // Of notes_ and the file: HTTP workers change them.
  std::map<VmIdentity, AgentNote> notes_;
};

}  // namespace dragonfly
