// PolicyStore: the policy that is in force, and the changes that people made to it while the server ran.
//
// A change is checked whole before anything is changed, and kept in a file, so that it outlives the server. What is not
// changed follows the configuration: changes lie above it, and those of a namespace above those of the server.
//
// Units      as policy.h.
// Ownership  owns the changes.
// Threading  any thread. One mutex, because HTTP workers change what every other thread reads; a reader copies.
// Errors     open(): a file that may not be read. A damaged one costs what cannot be had from the history and is told by
//            damage(). change(): kInvalidArgument names the key, its value and what is allowed;
//            kResourceExhausted: more than the file holds; kIo and kNoSpace where the change cannot be kept (it is not
//            in force then).
// Limits     kPolicyFileBytesMax, kPolicyHistoryMax; a change has at most one value a key.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/result.h"
#include "base/fs/file.h"
#include "fleet/policy/policy.h"
#include "fleet/policy/policy_file.h"
#include "fleet/policy/policy_history.h"

namespace dragonfly {

class PolicyStore {
 public:
  // Name as GET /config answers it (or its alias), value as text.
  using Changes = std::vector<std::pair<std::string, std::string>>;
  using ByName = decltype(PolicyFile::named);
  struct Outcome {
    Policy before;  // Of the namespace that was named, else the server's.
    Policy after;
    std::vector<std::string> warnings;     // Names that mean nothing here, one sentence each.
    ByName changes_before, changes_after;  // All of them, by change_name().
  };

  // `configured`: what the configuration says. `path`: where changes are kept; need not be there yet.
  static Result<std::unique_ptr<PolicyStore>> open(FileSystem& files, Path path, const Policy& configured);

  // The server's.
  Policy current() const;
  std::shared_ptr<const PolicySet> all() const;
  // Names of the keys that the namespace has of its own.
  std::vector<std::string> own_keys(std::string_view ns) const;
  // Grows with every change, also over restarts; 0 = never changed.
  uint64_t version() const;
  // `ns`: of that namespace alone; empty: of the server, and so of all namespaces that have no value of their own.
  Result<Outcome> change(const Changes& changes, PolicyAuthor author = {}, std::string_view ns = {});
  // Back to what the configuration says; a namespace: to what the server's policy is. The others' stay.
  Result<Outcome> reset(PolicyAuthor author = {}, std::string_view ns = {});
  // Back to the changes of an earlier version, those of namespaces, too, as a new one; 0: to the configuration.
  Result<Outcome> roll_back(uint64_t number, PolicyAuthor author = {});
  // Newest first.
  std::vector<PolicyVersion> history() const;
  // What of the files was damaged when they were opened, one sentence each; the next change writes them anew.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  PolicyStore(FileSystem& files, Path path, const Policy& configured);
  Result<> load();
  Result<> load_file();
  Result<> take_loaded(uint64_t version, const ByName& changed);
  Result<Policy> with(const ByName& changed, std::string_view ns) const;
  Result<PolicySet> all_with(const ByName& changed) const;
  Result<> load_history();
  Result<Outcome> take(ByName changed, std::vector<std::string> warnings, PolicyAuthor author, std::string_view ns);

  FileSystem& files_;
  const Path path_;
  const Policy configured_;
  std::vector<std::string> damage_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<const PolicySet> current_;
  ByName changed_;
  uint64_t version_ = 0;
  std::vector<PolicyVersion> history_;  // Oldest first.
};

}  // namespace dragonfly
