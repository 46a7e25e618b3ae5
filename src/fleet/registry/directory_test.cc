#include "fleet/registry/directory.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

// A store that keeps metadata in memory, as far as a directory needs one.
class MetadataOnly final : public ChunkStore {
 public:
  bool append(std::vector<SealedRows>, Done) override { return false; }
  Result<> put_metadata(std::span<const Metadata> entries) override {
    if (full) return fail(ErrorCode::kNoSpace, "full");
    for (const Metadata& entry : entries) kept[entry.key] = entry.value;
    return {};
  }
  Result<> visit_metadata(std::string_view prefix, const Visit& visit) override {
    for (const auto& [key, value] : kept) {
      if (key.starts_with(prefix)) visit(key, value);
    }
    return {};
  }
  Result<> checkpoint(LogPosition) override { return {}; }
  LogPosition log_begin() const override { return {}; }
  std::map<std::string, Bytes> kept;
  bool full = false;
};

Dictionary sample_dictionary() {
  Dictionary dictionary;
  dictionary.labels["cspType"] = "aws";
  dictionary.devices = {"sda"};
  return dictionary;
}

TEST(Directory, SameVmIdInTwoNamespacesIsTwoVms) {
  LiveDirectory directory;
  VmEntry* a = *directory.intern_vm({"ns-a", "m", "vm"});
  VmEntry* b = *directory.intern_vm({"ns-b", "m", "vm"});
  EXPECT_NE(a->id, b->id);
  EXPECT_EQ(*directory.intern_vm({"ns-a", "m", "vm"}), a);
  EXPECT_EQ(directory.find_in_any_namespace("m", "vm"), (std::vector<VmEntry*>{a, b}));
}

TEST(Directory, RefusesBadNamesAndNamesTheLimit) {
  LiveDirectory directory({.vms_max = 1});
  EXPECT_EQ(directory.intern_vm({"ns", "", "vm"}).error().message, "MCIS has 0 bytes; allowed are 1 to 256");
  ASSERT_TRUE(directory.intern_vm({"ns", "m", "vm"}).has_value());
  const auto second = directory.intern_vm({"ns", "m", "vm2"});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(second.error().message.find("limits.vms is 1"), std::string::npos);
}

TEST(Directory, MeasurementKeepsTheTypesOfTheFirstWrite) {
  LiveDirectory directory;
  const auto first = *directory.intern_measurement("ns", "app", {{"latency", ValueType::kFloat64}});
  const auto second = *directory.intern_measurement("ns", "app", {{"errors", ValueType::kInt64}});
  EXPECT_EQ(first->group, second->group);
  EXPECT_EQ(second->fields.size(), 2u);
  EXPECT_EQ(directory.intern_measurement("ns", "app", {{"latency", ValueType::kInt64}}).error().message,
            "field 'latency' of measurement 'app' is int64, but was first written as float64");
  EXPECT_NE((*directory.intern_measurement("other", "app", {{"latency", ValueType::kInt64}}))->group, first->group);
}

TEST(Directory, RestoresWhatWasSavedAndRetriesWhatCouldNotBe) {
  LiveDirectory directory;
  MetadataOnly store;
  VmEntry* vm = *directory.intern_vm({"ns", "m", "vm"});
  const Bytes encoded = sample_dictionary().encode();
  const auto dictionary = *directory.intern_dictionary(encoded);
  ASSERT_TRUE(directory.intern_measurement("ns", "app", {{"x", ValueType::kBool}}).has_value());
  store.full = true;
  EXPECT_FALSE(directory.save_new(store).has_value());
  store.full = false;
  ASSERT_TRUE(directory.save_new(store).has_value());

  LiveDirectory again;
  ASSERT_TRUE(again.restore_from(store).has_value());
  ASSERT_NE(again.find_vm({"ns", "m", "vm"}), nullptr);
  EXPECT_EQ(again.find_vm({"ns", "m", "vm"})->id, vm->id);
  EXPECT_TRUE(again.find_vm(vm->id)->durable);
  EXPECT_EQ(again.find_dictionary(dictionary->id)->device(1), "sda");
  EXPECT_EQ(again.find_measurement("ns", "app")->fields.at(0).name, "x");
  EXPECT_NE((*again.intern_vm({"ns", "m", "vm2"}))->id, vm->id);
}

TEST(Directory, RestoringAnIdForAnotherNameIsAConflict) {
  LiveDirectory directory;
  ASSERT_TRUE(directory.restore_vm({VmId{7}, {"ns", "m", "a"}}).has_value());
  EXPECT_TRUE(directory.restore_vm({VmId{7}, {"ns", "m", "a"}}).has_value());
  EXPECT_FALSE(directory.restore_vm({VmId{7}, {"ns", "m", "b"}}).has_value());
  EXPECT_FALSE(directory.restore_vm({VmId{8}, {"ns", "m", "a"}}).has_value());
}

}  // namespace
}  // namespace dragonfly
