// DoorBatch: what one body or datagram of a dialect became: rows, grouped by VM, and what was wrong with the rest.
// Nothing behind the door knows dialects.
//
// Units      times in ns.
// Ownership  owns everything; dictionaries and shapes are shared with the Normalizer's memory.
// Threading  one object, one thread.
// Errors     collected: every wrong line is counted and named in errors(); the good ones are in `vms`.
// Limits     errors up to kErrorBytesMax; rows are bounded by the body.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/flow/log_record.h"
#include "model/flow/vm.h"
#include "model/row/dictionary.h"
#include "model/row/row.h"

namespace dragonfly {

// A custom measurement as rows bring it: its name and their fields, in the rows' order.
struct DoorShape {
  std::string measurement;
  std::vector<MeasurementRecord::Field> fields;
};

struct CustomRow {
  std::shared_ptr<const DoorShape> shape;  // The same object for rows of the same shape, so that look-ups are shared.
  uint32_t device = 0;                     // As Row::device.
  Timestamp time{};
  std::vector<Value> values;  // Beside shape->fields, in their types.
  size_t line = 0;
};

struct DoorVm {
  VmIdentity identity;
  std::shared_ptr<const Dictionary> dictionary;  // Labels, and the devices that all its rows refer to.
  std::vector<Row> rows;  // Catalogue groups, values in their columns' types; sorted by group, device, time, merged.
  std::vector<CustomRow> custom;
};

struct DoorBatch {
  static constexpr size_t kErrorBytesMax = 4096;

  std::vector<DoorVm> vms;
  uint64_t points = 0;  // Lines or metrics that were read, wrong ones included.
  uint64_t points_wrong = 0;
  uint64_t points_without_vm = 0;  // Those of the wrong ones that name no VM.
  uint64_t points_too_old = 0;     // Likewise, by their time.
  uint64_t points_future = 0;
  uint64_t texts_dropped = 0;   // Fields with texts, which are not kept.
  uint64_t fields_unknown = 0;  // Fields of a catalogue measurement that the catalogue does not have.

  // Counts a wrong line; `unit` is "line" or "metric".
  void refuse(std::string_view unit, size_t number, std::string_view problem);
  void refuse(std::string_view text);
  // "line 3: …\nline 9: …"; ends with a count where it was cut.
  std::string errors() const;
  uint64_t rows() const;
  void clear() { *this = {}; }

 private:
  std::string shown_;
  uint64_t not_shown_ = 0;
};

}  // namespace dragonfly
