#include "fleet/registry/directory.h"

#include <algorithm>

#include "base/core/names.h"

namespace dragonfly {
namespace {

constexpr std::string_view kVmPrefix = "vm/";
constexpr std::string_view kDictionaryPrefix = "dictionary/";
constexpr std::string_view kMeasurementPrefix = "measurement/";

Result<> check_identity(const VmIdentity& identity) {
  DF_TRY(check_name("namespace", identity.ns));
  DF_TRY(check_name("MCIS", identity.mcis));
  return check_name("VM", identity.vm);
}

template <class Record>
Bytes encoded(const Record& record) {
  Bytes out;
  record.encode(out);
  return out;
}

}  // namespace

VmEntry* LiveDirectory::add_vm(VmId id, const VmIdentity& identity) {
  VmEntry* entry = &entries_.emplace_back(id, identity);
  by_identity_.emplace(identity, entry);
  in_order_.clear();
  by_id_.emplace(static_cast<uint32_t>(id), entry);
  by_mcis_and_vm_.emplace(std::pair(identity.mcis, identity.vm), entry);
  next_vm_id_ = std::max(next_vm_id_, static_cast<uint32_t>(id) + 1);
  return entry;
}

Result<VmEntry*> LiveDirectory::intern_vm(const VmIdentity& identity) {
  const std::lock_guard lock(mutex_);
  if (const auto at = by_identity_.find(identity); at != by_identity_.end()) return at->second;
  DF_TRY(check_identity(identity));
  if (entries_.size() >= limits_.vms_max) {
    return fail(ErrorCode::kResourceExhausted, "VM '{}' is one too many: limits.vms is {}", identity.vm,
                limits_.vms_max);
  }
  const VmId id{next_vm_id_};
  VmEntry* entry = add_vm(id, identity);
  unsaved_.push_back({fmt::format("{}{:010}", kVmPrefix, static_cast<uint32_t>(id)), encoded(VmRecord{id, identity})});
  return entry;
}

VmEntry* LiveDirectory::find_vm(const VmIdentity& identity) {
  const std::lock_guard lock(mutex_);
  const auto at = by_identity_.find(identity);
  return at == by_identity_.end() ? nullptr : at->second;
}

VmEntry* LiveDirectory::find_vm(VmId id) {
  const std::lock_guard lock(mutex_);
  const auto at = by_id_.find(static_cast<uint32_t>(id));
  return at == by_id_.end() ? nullptr : at->second;
}

std::vector<VmEntry*> LiveDirectory::find_in_any_namespace(std::string_view mcis, std::string_view vm) {
  std::vector<VmEntry*> found;
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = by_mcis_and_vm_.equal_range(std::pair(std::string(mcis), std::string(vm)));
    for (auto at = first; at != last; ++at) found.push_back(at->second);
  }
  std::ranges::sort(found, {}, [](const VmEntry* entry) { return entry->identity.ns; });
  return found;
}

std::vector<VmEntry*> LiveDirectory::vms() {
  const std::lock_guard lock(mutex_);
  if (in_order_.empty()) {
    in_order_.reserve(by_identity_.size());
    for (const auto& [identity, entry] : by_identity_) in_order_.push_back(entry);
  }
  return in_order_;
}

std::vector<VmEntry*> LiveDirectory::vms_from(size_t known) {
  const std::lock_guard lock(mutex_);
  std::vector<VmEntry*> out;
  for (size_t i = known; i < entries_.size(); ++i) out.push_back(&entries_[i]);
  return out;
}

size_t LiveDirectory::vm_count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::shared_ptr<const KnownDictionary> LiveDirectory::add_dictionary(DictionaryId id, Dictionary&& dictionary,
                                                                     ByteView bytes) {
  auto known = std::make_shared<KnownDictionary>();
  static_cast<Dictionary&>(*known) = std::move(dictionary);
  known->id = id;
  known->boot_number = known->boot();
  known->encoded.assign(bytes.begin(), bytes.end());
  dictionaries_.emplace(id, known);
  return known;
}

Result<std::shared_ptr<const KnownDictionary>> LiveDirectory::intern_dictionary(ByteView bytes) {
  const DictionaryId id = dictionary_id(bytes);
  if (auto known = find_dictionary(id)) return known;
  auto dictionary = Dictionary::decode(bytes);
  if (!dictionary) return fail(std::move(dictionary).error());
  const std::lock_guard lock(mutex_);
  if (const auto at = dictionaries_.find(id); at != dictionaries_.end()) return at->second;
  if (dictionaries_.size() >= limits_.dictionaries_max) {
    return fail(ErrorCode::kResourceExhausted, "dictionary {:016x} is one too many: the limit is {}", id,
                limits_.dictionaries_max);
  }
  auto known = add_dictionary(id, std::move(*dictionary), bytes);
  unsaved_.push_back({fmt::format("{}{:016x}", kDictionaryPrefix, id), known->encoded});
  return known;
}

std::shared_ptr<const KnownDictionary> LiveDirectory::find_dictionary(DictionaryId id) {
  const std::lock_guard lock(mutex_);
  const auto at = dictionaries_.find(id);
  return at == dictionaries_.end() ? nullptr : at->second;
}

void LiveDirectory::add_measurement(std::shared_ptr<const Measurement> measurement) {
  auto& slot = measurements_[{measurement->ns, measurement->name}];
  if (!slot) ++measurement_counts_[measurement->ns];
  next_group_ = std::max(next_group_, static_cast<uint32_t>(measurement->group) + 1);
  measurements_by_group_[static_cast<uint32_t>(measurement->group)] = measurement;
  slot = std::move(measurement);
}

Result<std::shared_ptr<const Measurement>> LiveDirectory::intern_measurement(
    std::string_view ns, std::string_view name, const std::vector<MeasurementRecord::Field>& fields) {
  const std::lock_guard lock(mutex_);
  const auto at = measurements_.find({std::string(ns), std::string(name)});
  auto next = std::make_shared<Measurement>();
  bool grew = at == measurements_.end();
  if (grew) {
    DF_TRY(check_name("namespace", ns));
    DF_TRY(check_name("measurement", name));
    if (measurement_counts_[std::string(ns)] >= limits_.measurements_per_namespace_max) {
      return fail(ErrorCode::kResourceExhausted, "measurement '{}' is one too many in namespace '{}': the limit is {}",
                  name, ns, limits_.measurements_per_namespace_max);
    }
    next->group = GroupId{next_group_};
    next->ns = ns;
    next->name = name;
  } else {
    static_cast<MeasurementRecord&>(*next) = *at->second;
  }
  for (const auto& field : fields) {
    const auto known = std::ranges::find(next->fields, field.name, &MeasurementRecord::Field::name);
    if (known == next->fields.end()) {
      DF_TRY(check_name("field", field.name));
      next->fields.push_back(field);
      grew = true;
    } else if (known->type != field.type) {
      return fail(ErrorCode::kConflict, "field '{}' of measurement '{}' is {}, but was first written as {}", field.name,
                  name, to_string(field.type), to_string(known->type));
    }
  }
  if (next->fields.size() > limits_.fields_per_measurement_max) {
    return fail(ErrorCode::kResourceExhausted, "measurement '{}' would have {} fields; the limit is {}", name,
                next->fields.size(), limits_.fields_per_measurement_max);
  }
  if (!grew) return at->second;
  add_measurement(next);
  const std::string key = fmt::format("{}{:010}", kMeasurementPrefix, static_cast<uint32_t>(next->group));
  unsaved_.push_back({key, encoded<MeasurementRecord>(*next)});
  return next;
}

std::shared_ptr<const Measurement> LiveDirectory::find_measurement(std::string_view ns, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto at = measurements_.find({std::string(ns), std::string(name)});
  return at == measurements_.end() ? nullptr : at->second;
}

std::shared_ptr<const Measurement> LiveDirectory::find_measurement(GroupId group) {
  const std::lock_guard lock(mutex_);
  const auto at = measurements_by_group_.find(static_cast<uint32_t>(group));
  return at == measurements_by_group_.end() ? nullptr : at->second;
}

Result<> LiveDirectory::restore_vm(const VmRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto at = by_identity_.find(record.identity);
  const bool id_taken = by_id_.contains(static_cast<uint32_t>(record.id));
  if (at != by_identity_.end() && at->second->id == record.id) {
    at->second->durable = true;
    return {};
  }
  if (at != by_identity_.end() || id_taken) {
    return fail(ErrorCode::kConflict, "VM id {} or name '{}' stands twice in log and store",
                static_cast<uint32_t>(record.id), record.identity.vm);
  }
  add_vm(record.id, record.identity)->durable = true;
  // The store may not have it yet: the record may come from the log.
  unsaved_.push_back({fmt::format("{}{:010}", kVmPrefix, static_cast<uint32_t>(record.id)), encoded(record)});
  return {};
}

Result<> LiveDirectory::restore_dictionary(ByteView bytes) {
  auto known = intern_dictionary(bytes);
  if (!known) return fail(std::move(known).error());
  (*known)->durable = true;
  return {};
}

Result<> LiveDirectory::restore_measurement(const MeasurementRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto at = measurements_.find({record.ns, record.name});
  if (at != measurements_.end() && at->second->fields.size() >= record.fields.size()) return {};
  auto measurement = std::make_shared<Measurement>();
  static_cast<MeasurementRecord&>(*measurement) = record;
  measurement->durable = true;
  add_measurement(measurement);
  const std::string key = fmt::format("{}{:010}", kMeasurementPrefix, static_cast<uint32_t>(record.group));
  unsaved_.push_back({key, encoded(record)});
  return {};
}

Result<> LiveDirectory::restore_from(ChunkStore& store) {
  Result<> first_error;
  const auto note = [&](Result<> result) {
    if (!result && first_error) first_error = std::move(result);
  };
  DF_TRY(store.visit_metadata(kVmPrefix, [&](std::string_view, ByteView value) {
    auto record = VmRecord::decode(value);
    note(record ? restore_vm(*record) : fail(std::move(record).error()));
  }));
  DF_TRY(store.visit_metadata(kDictionaryPrefix,
                              [&](std::string_view, ByteView value) { note(restore_dictionary(value)); }));
  DF_TRY(store.visit_metadata(kMeasurementPrefix, [&](std::string_view, ByteView value) {
    auto record = MeasurementRecord::decode(value);
    note(record ? restore_measurement(*record) : fail(std::move(record).error()));
  }));
  const std::lock_guard lock(mutex_);
  unsaved_.clear();  // All of it came from the store.
  return first_error;
}

Result<> LiveDirectory::save_new(ChunkStore& store) {
  std::vector<ChunkStore::Metadata> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(unsaved_);
  }
  auto put = store.put_metadata(batch);
  if (put) return put;
  const std::lock_guard lock(mutex_);
  unsaved_.insert(unsaved_.begin(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
  return put;
}

}  // namespace dragonfly
