// For tests: a batch as text, one line a row.
//
// Units      times as ms.
// Ownership  none.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include <string>

#include "ingest/dialect/door_batch.h"

namespace dragonfly {

inline std::string text_of(Value value) {
  switch (value.type) {
    case ValueType::kFloat64: return fmt::format("{}", value.as_double());
    case ValueType::kInt64: return fmt::format("{}i", static_cast<int64_t>(value.bits));
    case ValueType::kUint64: return fmt::format("{}u", value.bits);
    case ValueType::kBool: return value.bits != 0 ? "true" : "false";
  }
  return {};
}

// "group device time: name=value …" of catalogue rows, then of custom rows.
inline std::string text_of(const DoorVm& vm) {
  std::string out;
  const auto head = [&](std::string_view group, uint32_t device, Timestamp time) {
    out += fmt::format("{} {} {}:", group, device == 0 ? "-" : vm.dictionary->device(device), unix_ms(time));
  };
  for (const Row& row : vm.rows) {
    head(group_name(row.group), row.device, row.time);
    for (size_t i = 0; i < row.values.size(); ++i) {
      if (row.values[i]) out += fmt::format(" {}={}", metrics_of(row.group)[i].name, text_of(*row.values[i]));
    }
    out += '\n';
  }
  for (const CustomRow& row : vm.custom) {
    head(row.shape->measurement, row.device, row.time);
    for (size_t i = 0; i < row.values.size(); ++i)
      out += fmt::format(" {}={}", row.shape->fields[i].name, text_of(row.values[i]));
    out += '\n';
  }
  return out;
}

inline std::string text_of(const DoorBatch& batch) {
  std::string out;
  for (const DoorVm& vm : batch.vms) {
    out += fmt::format("[{}/{}/{}", vm.identity.ns, vm.identity.mcis, vm.identity.vm);
    for (const auto& [key, value] : vm.dictionary->labels) {
      if (key != "nsId" && key != "mcisId" && key != "vmId") out += fmt::format(" {}={}", key, value);
    }
    out += "]\n" + text_of(vm);
  }
  return out;
}

}  // namespace dragonfly
