// For tests: what a head stands between: an executor, a store and a directory that do what the test says.
//
// Units      as head.h.
// Ownership  values.
// Threading  the test's thread.
// Errors     none.
// Limits     none.
#pragma once

#include <deque>
#include <vector>

#include "live/head/head.h"

namespace dragonfly {

// Runs tasks at once: the test is the shard.
class InlineExecutor final : public Executor {
 public:
  bool post(Task task) override {
    if (full) return false;
    ++tasks;
    task();
    return true;
  }
  bool full = false;
  size_t tasks = 0;
};

// Keeps what it is given and answers when the test says so.
class RecordingStore final : public ChunkStore {
 public:
  bool append(std::vector<SealedRows> batch, Done done) override {
    if (full) return false;
    batches.push_back(std::move(batch));
    answers.push_back(std::move(done));
    return true;
  }
  Result<> put_metadata(std::span<const Metadata>) override { return {}; }
  Result<> visit_metadata(std::string_view, const Visit&) override { return {}; }
  Result<> checkpoint(LogPosition) override { return {}; }
  LogPosition log_begin() const override { return {}; }
  bool full = false;
  std::vector<std::vector<SealedRows>> batches;
  std::vector<Done> answers;
};

// Knows the VMs that were added; nothing else is asked of it.
class Vms final : public Directory {
 public:
  VmEntry& add(uint32_t shard) {
    const auto number = static_cast<uint32_t>(vms_.size() + 1);
    VmEntry& vm = vms_.emplace_back(VmId{number}, VmIdentity{"ns", "m", fmt::format("vm-{}", number)});
    vm.shard = shard;
    return vm;
  }
  VmEntry* find_vm(VmId id) override {
    const auto index = static_cast<size_t>(id) - 1;
    return index < vms_.size() ? &vms_[index] : nullptr;
  }
  std::vector<VmEntry*> vms_from(size_t) override { return {}; }
  std::vector<VmEntry*> vms() override {
    std::vector<VmEntry*> out;
    for (VmEntry& vm : vms_) out.push_back(&vm);
    return out;
  }
  Result<VmEntry*> intern_vm(const VmIdentity&) override { return fail(ErrorCode::kUnsupported, "add()"); }
  VmEntry* find_vm(const VmIdentity&) override { return nullptr; }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view, std::string_view) override { return {}; }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView) override {
    return fail(ErrorCode::kUnsupported, "not in this test");
  }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId) override { return nullptr; }
  Result<std::shared_ptr<const Measurement>> intern_measurement(std::string_view, std::string_view,
                                                                const std::vector<MeasurementRecord::Field>&) override {
    return fail(ErrorCode::kUnsupported, "not in this test");
  }
  std::shared_ptr<const Measurement> find_measurement(std::string_view, std::string_view) override { return nullptr; }
  std::shared_ptr<const Measurement> find_measurement(GroupId) override { return nullptr; }

 private:
  std::deque<VmEntry> vms_;
};

}  // namespace dragonfly
