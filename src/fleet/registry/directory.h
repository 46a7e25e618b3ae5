// LiveDirectory: the Directory of a running server. Keeps everything in memory; what is new since the last checkpoint
// is handed to the store's metadata, from which (and from the log above it) the next start restores it.
//
// Units      none.
// Ownership  owns entries, dictionaries and measurements; VmEntry addresses are stable.
// Threading  any thread; one mutex for all (the shards look up only what they have not kept). save_new() and restore_*():
//            one thread at a time.
// Errors     as Directory. restore_*: kCorruption for bytes that do not decode, kConflict for a VM id that is taken.
// Limits     DirectoryLimits; each refusal names its limit.
//
// The mutex stands here, outside base/, because a directory is asked by shards, HTTP workers and the checkpointer alike
// and none of them owns it; it is held for a map look-up at most.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "model/flow/chunk_store.h"
#include "model/flow/directory.h"

namespace dragonfly {

struct DirectoryLimits {
  size_t vms_max = 1'000'000;
  size_t dictionaries_max = 4'000'000;
  size_t measurements_per_namespace_max = 10'000;
  size_t fields_per_measurement_max = 1024;  // kFieldsMax at most: a row has no room for more.
};

class LiveDirectory final : public Directory {
 public:
  explicit LiveDirectory(DirectoryLimits limits = {}) : limits_(limits) {}

  Result<VmEntry*> intern_vm(const VmIdentity& identity) override;
  VmEntry* find_vm(const VmIdentity& identity) override;
  VmEntry* find_vm(VmId id) override;
  std::vector<VmEntry*> find_in_any_namespace(std::string_view mcis, std::string_view vm) override;
  std::vector<VmEntry*> vms() override;
  std::vector<VmEntry*> vms_from(size_t known) override;

  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView encoded) override;
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) override;

  Result<std::shared_ptr<const Measurement>> intern_measurement(
      std::string_view ns, std::string_view name, const std::vector<MeasurementRecord::Field>& fields) override;
  std::shared_ptr<const Measurement> find_measurement(std::string_view ns, std::string_view name) override;
  std::shared_ptr<const Measurement> find_measurement(GroupId group) override;

  // What was restored counts as durable. Again for the same thing is fine (the log repeats what the store holds).
  Result<> restore_vm(const VmRecord& record);
  Result<> restore_dictionary(ByteView encoded);
  Result<> restore_measurement(const MeasurementRecord& record);
  // Restores everything that save_new() put.
  Result<> restore_from(ChunkStore& store);
  // Puts what came since the last call into the store's metadata (durable with the store's next checkpoint). On an error
  // nothing is forgotten: the next call tries again.
  Result<> save_new(ChunkStore& store);

  size_t vm_count() const;

 private:
  VmEntry* add_vm(VmId id, const VmIdentity& identity);
  std::shared_ptr<const KnownDictionary> add_dictionary(DictionaryId id, Dictionary&& dictionary, ByteView encoded);
  void add_measurement(std::shared_ptr<const Measurement> measurement);

  const DirectoryLimits limits_;
  mutable std::mutex mutex_;  // Guards everything below.
  std::deque<VmEntry> entries_;
  std::map<VmIdentity, VmEntry*> by_identity_;
  std::vector<VmEntry*> in_order_;  // Of by_identity_, for vms(); empty after a change.
  std::unordered_map<uint32_t, VmEntry*> by_id_;
  std::multimap<std::pair<std::string, std::string>, VmEntry*> by_mcis_and_vm_;
  uint32_t next_vm_id_ = 1;
  std::unordered_map<DictionaryId, std::shared_ptr<const KnownDictionary>> dictionaries_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Measurement>> measurements_;
  std::unordered_map<uint32_t, std::shared_ptr<const Measurement>> measurements_by_group_;
  std::map<std::string, size_t> measurement_counts_;  // By namespace.
  uint32_t next_group_ = kFirstCustomGroup;
  std::vector<ChunkStore::Metadata> unsaved_;
};

}  // namespace dragonfly
