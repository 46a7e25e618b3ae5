#include "ingest/dialect/door_encoder.h"

#include <algorithm>
#include <map>
#include <optional>

namespace dragonfly {
namespace {

// How a shape's fields are numbered in the directory's measurement.
struct Numbering {
  Result<std::shared_ptr<const Measurement>> measurement;
  std::vector<uint16_t> fields;
};

bool is_whole_ms(Timestamp time) { return unix_ns(time) % 1'000'000 == 0; }

class DoorEncoder {
 public:
  DoorEncoder(DoorBatch& batch, std::string_view unit, Directory& directory)
      : batch_(batch), unit_(unit), directory_(directory) {}

  std::vector<DoorPart> run() {
    for (const DoorVm& vm : batch_.vms) number_shapes(vm);
    for (const DoorVm& vm : batch_.vms) {
      if (auto result = encode_vm(vm); !result) refuse_vm(vm, result.error().message);
    }
    return std::move(parts_);
  }

 private:
  // Before any row is encoded, so that all rows of a measurement go with its last version.
  void number_shapes(const DoorVm& vm) {
    for (const CustomRow& row : vm.custom) {
      const auto key = std::pair(vm.identity.ns, row.shape.get());
      if (numberings_.contains(key)) continue;
      Numbering numbering{directory_.intern_measurement(vm.identity.ns, row.shape->measurement, row.shape->fields), {}};
      if (numbering.measurement) {
        const auto& known = (*numbering.measurement)->fields;
        for (const auto& field : row.shape->fields) {
          const auto at = std::find_if(known.begin(), known.end(), [&](const auto& f) { return f.name == field.name; });
          numbering.fields.push_back(static_cast<uint16_t>(at - known.begin()));
        }
        newest_[{vm.identity.ns, row.shape->measurement}] = *numbering.measurement;
      }
      numberings_.emplace(key, std::move(numbering));
    }
  }

  Result<> encode_vm(const DoorVm& vm) {
    const auto entry = directory_.intern_vm(vm.identity);
    if (!entry) return fail(entry.error());
    const auto dictionary = directory_.intern_dictionary(vm.dictionary->encode());
    if (!dictionary) return fail(dictionary.error());
    start_.vm = *entry;
    start_.dictionary = *dictionary;
    encode_catalogue(vm.rows);
    encode_custom(vm);
    return {};
  }

  void encode_catalogue(const std::vector<Row>& rows) {
    if (rows.empty()) return;
    start_.measurement.reset();
    const bool ms = std::all_of(rows.begin(), rows.end(), [](const Row& row) { return is_whole_ms(row.time); });
    begin_part();
    for (const Row& row : rows) write(row, ms);
    end_part();
  }

  void encode_custom(const DoorVm& vm) {
    // Measurement by measurement, each in the order of its times.
    std::vector<const CustomRow*> rows;
    for (const CustomRow& row : vm.custom) {
      const Numbering& numbering = numberings_.at({vm.identity.ns, row.shape.get()});
      if (numbering.measurement) {
        rows.push_back(&row);
      } else {
        batch_.refuse(unit_, row.line, numbering.measurement.error().message);
      }
    }
    std::stable_sort(rows.begin(), rows.end(), [](const CustomRow* a, const CustomRow* b) {
      return std::tie(a->shape->measurement, a->time) < std::tie(b->shape->measurement, b->time);
    });
    for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
      const std::string& name = rows[begin]->shape->measurement;
      bool ms = true;
      for (; end < rows.size() && rows[end]->shape->measurement == name; ++end) ms = ms && is_whole_ms(rows[end]->time);
      start_.measurement = newest_.at({vm.identity.ns, name});
      begin_part();
      for (size_t i = begin; i < end; ++i) write(numbered(*rows[i], vm.identity.ns), ms);
      end_part();
    }
  }

  const Row& numbered(const CustomRow& row, const std::string& ns) {
    const Numbering& numbering = numberings_.at({ns, row.shape.get()});
    const uint16_t last = *std::max_element(numbering.fields.begin(), numbering.fields.end());
    row_.reset(start_.measurement->group, row.time, size_t{last} + 1);
    row_.device = row.device;
    for (size_t i = 0; i < row.values.size(); ++i) row_.values[numbering.fields[i]] = row.values[i];
    return row_;
  }

  void begin_part() {
    part_ = start_;
    writer_.reset();
  }
  void write(const Row& row, bool ms) {
    if (part_.row_block.size() > kDoorBlockBytes) {
      end_part();
      begin_part();
    }
    using Unit = RowBlockWriter::Unit;
    if (!writer_) writer_.emplace(part_.row_block, ms ? Unit::kMilliseconds : Unit::kNanoseconds, row.time);
    writer_->add(row);
    ++part_.rows;
  }
  void end_part() {
    writer_.reset();
    parts_.push_back(std::move(part_));
  }

  void refuse_vm(const DoorVm& vm, std::string_view problem) {
    const auto& [ns, mcis, id] = vm.identity;
    batch_.refuse(fmt::format("VM {}/{}/{}: {}; {} rows are not stored", ns, mcis, id, problem,
                              vm.rows.size() + vm.custom.size()));
  }

  DoorBatch& batch_;
  const std::string_view unit_;
  Directory& directory_;
  std::map<std::pair<std::string, const DoorShape*>, Numbering> numberings_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Measurement>> newest_;
  std::vector<DoorPart> parts_;
  DoorPart start_;  // What the next part begins with.
  DoorPart part_;
  std::optional<RowBlockWriter> writer_;
  Row row_;
};

}  // namespace

std::vector<DoorPart> encode_door_batch(DoorBatch& batch, std::string_view unit, Directory& directory) {
  return DoorEncoder(batch, unit, directory).run();
}

}  // namespace dragonfly
