// Directory: who and what exists: VMs, dictionaries, custom measurements.
//
// Whoever writes a row to the log writes the records of what the row needs into the same batch, as long as their
// `durable` flag is not set, and sets it when the batch is committed: so a row is never durable without its names.
//
// Units      none.
// Ownership  entries, dictionaries and measurements live as long as the Directory; measurement snapshots are shared.
// Threading  every function may be called from any thread (a short lock; the shards keep what they looked up).
// Errors     kInvalidArgument (a name), kCorruption (a dictionary), kResourceExhausted (a limit, named), kConflict (field
//            types, naming both).
// Limits     VMs, measurements and fields; see the implementation's options.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "model/flow/log_record.h"
#include "model/flow/vm.h"

namespace dragonfly {

struct KnownDictionary : Dictionary {
  DictionaryId id = 0;
  Bytes encoded;
  uint64_t boot_number = 0;  // boot(), which costs a SHA-256.
  mutable std::atomic<bool> durable{false};
};

// One version of a custom measurement: a new field makes a new one.
struct Measurement : MeasurementRecord {
  mutable std::atomic<bool> durable{false};
};

class Directory {
 public:
  virtual ~Directory() = default;

  // Finds the VM or makes it.
  virtual Result<VmEntry*> intern_vm(const VmIdentity& identity) = 0;
  virtual VmEntry* find_vm(const VmIdentity& identity) = 0;
  virtual VmEntry* find_vm(VmId id) = 0;
  // All with this MCIS and VM id, in whatever namespace, namespaces ascending.
  virtual std::vector<VmEntry*> find_in_any_namespace(std::string_view mcis, std::string_view vm) = 0;
  // All, ordered by identity.
  virtual std::vector<VmEntry*> vms() = 0;
  // All but the first `known` in the order in which they became known: for who keeps what it was told.
  virtual std::vector<VmEntry*> vms_from(size_t known) = 0;

  // Decodes and keeps it, or finds it where it is known already.
  virtual Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView encoded) = 0;
  virtual std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) = 0;

  // The measurement with all of `fields`, added where they are new. Catalogue groups are not measurements.
  virtual Result<std::shared_ptr<const Measurement>> intern_measurement(
      std::string_view ns, std::string_view name, const std::vector<MeasurementRecord::Field>& fields) = 0;
  virtual std::shared_ptr<const Measurement> find_measurement(std::string_view ns, std::string_view name) = 0;
  virtual std::shared_ptr<const Measurement> find_measurement(GroupId group) = 0;
};

}  // namespace dragonfly
