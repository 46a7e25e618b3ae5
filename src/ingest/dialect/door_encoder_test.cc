#include "ingest/dialect/door_encoder.h"

#include <gmock/gmock.h>

#include <deque>
#include <map>

#include "ingest/dialect/batch_text.h"
#include "ingest/dialect/normalize.h"

namespace dragonfly {
namespace {

// A directory that keeps things in maps; fields keep their first type, and "forbidden" VMs are refused.
class MapDirectory final : public Directory {
 public:
  Result<VmEntry*> intern_vm(const VmIdentity& identity) override {
    if (identity.vm == "forbidden") return fail(ErrorCode::kResourceExhausted, "there are 0 VMs; limits.vms allows 0");
    for (auto& vm : vms_) {
      if (vm.identity == identity) return &vm;
    }
    return &vms_.emplace_back(VmId{static_cast<uint32_t>(vms_.size() + 1)}, identity);
  }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView encoded) override {
    auto& known = dictionaries_[dictionary_id(encoded)];
    if (!known) {
      auto decoded = Dictionary::decode(encoded);
      if (!decoded) return fail(decoded.error());
      auto made = std::make_shared<KnownDictionary>();
      static_cast<Dictionary&>(*made) = *decoded;
      made->id = dictionary_id(encoded);
      known = made;
    }
    return known;
  }
  Result<std::shared_ptr<const Measurement>> intern_measurement(
      std::string_view ns, std::string_view name, const std::vector<MeasurementRecord::Field>& fields) override {
    auto& known = measurements_[{std::string(ns), std::string(name)}];
    auto made = std::make_shared<Measurement>();
    made->name = name;
    made->ns = ns;
    made->group = GroupId{kFirstCustomGroup + static_cast<uint32_t>(measurements_.size()) - 1};
    if (known) static_cast<MeasurementRecord&>(*made) = *known;
    for (const auto& field : fields) {
      const auto same =
          std::find_if(made->fields.begin(), made->fields.end(), [&](const auto& f) { return f.name == field.name; });
      if (same == made->fields.end()) {
        made->fields.push_back(field);
      } else if (same->type != field.type) {
        return fail(ErrorCode::kConflict, "field '{}' is {}, not {}", field.name, to_string(same->type),
                    to_string(field.type));
      }
    }
    known = made;
    return known;
  }
  VmEntry* find_vm(const VmIdentity&) override { return nullptr; }
  VmEntry* find_vm(VmId) override { return nullptr; }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view, std::string_view) override { return {}; }
  std::vector<VmEntry*> vms() override { return {}; }
  std::vector<VmEntry*> vms_from(size_t) override { return {}; }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId) override { return nullptr; }
  std::shared_ptr<const Measurement> find_measurement(std::string_view, std::string_view) override { return nullptr; }
  std::shared_ptr<const Measurement> find_measurement(GroupId) override { return nullptr; }

 private:
  std::deque<VmEntry> vms_;
  std::map<DictionaryId, std::shared_ptr<const KnownDictionary>> dictionaries_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Measurement>> measurements_;
};

// "vm group device time: field=value …" of every row of every part, read back from its block.
std::string text_of(const std::vector<DoorPart>& parts) {
  std::string out;
  for (const DoorPart& part : parts) {
    RowBlockReader block(part.row_block);
    uint64_t rows = 0;
    while (const auto row = block.next()) {
      ++rows;
      const std::string group(part.measurement ? part.measurement->name : group_name(row->group));
      EXPECT_TRUE(part.measurement ? row->group == part.measurement->group : fields_are_valid(row->group, row->fields));
      out += fmt::format("{} {} {} {}:", part.vm->identity.vm, group, part.dictionary->device(row->device),
                         unix_ns(row->time));
      FieldsReader fields(row->fields);
      while (const auto field = fields.next()) {
        const auto name = part.measurement ? std::string_view(part.measurement->fields.at(field->index).name)
                                           : metrics_of(row->group)[field->index].name;
        out += fmt::format(" {}={}", name, field->value.as_double());
      }
      out += '\n';
    }
    EXPECT_TRUE(block.ok());
    EXPECT_EQ(rows, part.rows);
  }
  return out;
}

class Encoder {
 public:
  std::string take(std::string_view body) {
    batch.clear();
    take_influx_lines(body, RowDoor::Precision::kNanoseconds, "", {}, normalizer, batch);
    parts = encode_door_batch(batch, "line", directory);
    return text_of(parts);
  }
  MapDirectory directory;
  Normalizer normalizer;
  DoorBatch batch;
  std::vector<DoorPart> parts;
};

TEST(DoorEncoder, RowsComeBackFromTheirBlocks) {
  Encoder e;
  EXPECT_EQ(e.take("cpu,vmId=v,cpu=cpu0 usage_idle=50 1000000\nmem,vmId=v used=5i 1000000\n"
                   "m,vmId=v,t=x a=1,b=2i 2000000\nm,vmId=v a=0.5,c=true 1000000\ncpu,vmId=w usage_idle=1 1"),
            "v cpu cpu0 1000000: cpu_utilization=50 cpu_idle=50\n"
            "v memory  1000000: mem_used=5\n"
            "v m  1000000: a=0.5 c=1\n"
            "v m t=x 2000000: a=1 b=2\n"
            "w cpu  1: cpu_utilization=99 cpu_idle=1\n");
  EXPECT_EQ(e.batch.errors(), "");
  EXPECT_EQ(e.parts.size(), 3u);
  // A second body adds a field: the numbers of the first ones stay.
  EXPECT_EQ(e.take("m,vmId=v c=false,d=4,a=2 3"), "v m  3: a=2 c=0 d=4\n");
}

TEST(DoorEncoder, ConflictsNameTheirLine) {
  Encoder e;
  e.take("m,vmId=v a=1 1");
  EXPECT_EQ(e.take("m,vmId=v a=2 2\nm,vmId=v a=3i 3\nm,vmId=w a=4i 4"), "v m  2: a=2\n");
  EXPECT_EQ(e.batch.errors(), "line 2: field 'a' is float64, not int64\nline 3: field 'a' is float64, not int64");
  EXPECT_EQ(e.batch.points_wrong, 2u);
}

TEST(DoorEncoder, ARefusedVmCostsItsOwnRows) {
  Encoder e;
  EXPECT_EQ(e.take("cpu,vmId=forbidden usage_idle=1 1\ncpu,vmId=v usage_idle=2 1"),
            "v cpu  1: cpu_utilization=98 cpu_idle=2\n");
  EXPECT_EQ(e.batch.errors(),
            "VM default/default/forbidden: there are 0 VMs; limits.vms allows 0; 1 rows are not stored");
}

TEST(DoorEncoder, LongBlocksAreParts) {
  Encoder e;
  std::string body;
  for (int i = 0; i < 120'000; ++i) body += fmt::format("m,vmId=v a=0.123456789{} {}\n", i, i);
  e.take(body);
  EXPECT_EQ(e.parts.size(), 2u);
  uint64_t rows = 0;
  for (const auto& part : e.parts) {
    rows += part.rows;
    EXPECT_LT(part.row_block.size(), kDoorBlockBytes + kRowBytesMax);
  }
  EXPECT_EQ(rows, 120'000u);
}

}  // namespace
}  // namespace dragonfly
