// Normalizer: from a dialect's points to rows of VMs. What the tags, measurements and fields mean is decided here, once
// a series, and remembered; so a known series costs one look-up.
//
//   VM        tags nsId (else the default namespace), mcisId = mcisID = mciId = infraId (else "default"), vmId = nodeId
//             (else hostId = hostID). A point that names no VM is refused.
//   labels    nsId mcisId vmId hostId osType cspType region zone.
//   group     measurement.h; its device tag makes a device row, the VM's own row is the total (device_totals.h says how
//             batches with a part of the devices are handled). Utilizations that are not sent are derived.
//   custom    every other measurement, in the VM's namespace; its other tags make the device "k=v,k2=v2", keys
//   ascending,
//             with a backslash before ',' '=' and '\' in them.
//   texts     fields with texts are dropped and counted; a point with nothing else is refused.
//
// Units      times in ns; a point without time gets `now`.
// Ownership  remembers VMs, their devices and series; a batch shares dictionaries and shapes with it.
// Threading  one object, one thread. A client's batches should come to the same one: totals need what came before.
// Errors     a point that cannot be taken goes to DoorBatch::refuse with its cause; nothing of it is kept.
// Limits     those below; when a memory is full it is begun anew, which costs time and the first total after it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "ingest/dialect/device_totals.h"
#include "ingest/dialect/door_batch.h"
#include "ingest/dialect/measurement.h"
#include "ingest/dialect/point.h"
#include "model/flow/row_door.h"

namespace dragonfly {

class Normalizer {
 public:
  static constexpr size_t kSeriesRememberedMax = 100'000;
  static constexpr size_t kVmsRememberedMax = 20'000;
  static constexpr size_t kVmsPerBatchMax = 20'000;
  static constexpr size_t kDevicesRememberedMax = 256;  // Of a VM, in one dictionary.

  static constexpr Duration kAheadMax = 10min;

  // Points older than `late_window` before a batch's `now`, or further than kAheadMax ahead of it, are refused.
  // kExact takes lines of an export: groups and metrics by the catalogue's names, devices by the tag "device", the row's
  // boot by "dragonfly.boot", and nothing derived or summed up.
  enum class Mode : uint8_t { kDialect, kExact };
  explicit Normalizer(Duration late_window = 26h, Mode mode = Mode::kDialect);
  ~Normalizer();
  void set_late_window(Duration late_window) { late_window_ = late_window; }  // Between batches.

  // One batch: begin, add…, finish. `batch` must stay until finish.
  struct Batch {
    std::string_view default_ns = "default";
    std::string_view unit = "line";  // What a point is called in errors.
    Timestamp now{};
    std::span<const std::string> namespaces = {};  // Points of others are refused; empty: none are.
  };
  void begin(const Batch& options, DoorBatch& batch);
  void add(const Point& point);
  void finish();
  // For sources that find a point wrong before it is one.
  void refuse(size_t number, std::string_view problem);

 private:
  struct Vm;
  struct Series;
  struct FieldPlan;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, std::unique_ptr<T>, TextHash, std::equal_to<>>;
  struct DeviceSample {
    Vm* vm;
    TotalKind kind;
    size_t device;
    Row row;
  };

  Series* series_of(const Point& point);
  Result<std::unique_ptr<Series>> make_series(const Point& point);
  Result<> read_identity(const Point& point, Series& series);
  Result<> read_device(const Point& point, Series& series);
  Result<> plan_fields(const Point& point, Series& series);
  Result<> plan_field(const Point::Field& field, FieldPlan& plan, const Series& series, DoorShape& shape);
  bool may_write(const Series& series) const;
  Vm* vm_of(Series& series);
  Vm* known_vm(const VmIdentity& identity, std::string_view boot);
  bool open(Vm& vm);
  void close(Vm& vm);
  uint32_t device_index(Vm& vm, const std::string& device);
  bool fill_row(const Point& point, const Series& series, Row& row);
  void add_custom(const Point& point, Series& series, Vm& vm, Timestamp time);
  void add_catalogue(Series& series, Vm& vm, Row&& row);
  void add_totals();
  void problem(const Point& point, std::string_view what);

  Duration late_window_;
  const Mode mode_;
  Batch options_;
  DoorBatch* batch_ = nullptr;
  uint64_t batch_number_ = 0;
  ByText<Series> series_;
  ByText<Vm> vms_;
  std::vector<Vm*> open_vms_;
  std::vector<DeviceSample> samples_;
};

// A body of lines; `db` as RowDoor says.
void take_influx_lines(std::string_view body, RowDoor::Precision precision, std::string_view db, Timestamp now,
                       Normalizer& normalizer, DoorBatch& batch, std::span<const std::string> namespaces = {});
// A datagram of telegraf's JSON.
void take_telegraf_json(std::string_view datagram, Timestamp now, Normalizer& normalizer, DoorBatch& batch);

}  // namespace dragonfly
