#include "ingest/dialect/influx_line.h"

#include "ingest/dialect/normalize.h"

// The reader ends, keeps its limits, counts lines as they are, and the normalizer takes whatever it yields.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  InfluxLineReader reader(body, RowDoor::Precision::kMilliseconds);
  size_t line = 0;
  for (auto step = reader.next(); step != InfluxLineReader::Step::kEnd; step = reader.next()) {
    if (reader.line() <= line) __builtin_trap();
    line = reader.line();
    if (step == InfluxLineReader::Step::kWrong) {
      if (reader.problem().empty() || reader.problem().size() > 1024) __builtin_trap();
      continue;
    }
    const Point& point = reader.point();
    if (point.fields.empty() || point.fields.size() > kPointFieldsMax || point.tags.size() > kPointTagsMax)
      __builtin_trap();
    if (point.name.empty() || point.name.size() > kPointNameBytesMax) __builtin_trap();
  }
  static Normalizer normalizer;
  DoorBatch batch;
  take_influx_lines(body, RowDoor::Precision::kNanoseconds, "db", from_unix_ms(1'700'000'000'000), normalizer, batch);
  if (batch.points_wrong > batch.points || batch.errors().size() > DoorBatch::kErrorBytesMax) __builtin_trap();
  for (const DoorVm& vm : batch.vms) {
    if (Dictionary::decode(vm.dictionary->encode()).has_value() == false && vm.identity.ns == "default")
      __builtin_trap();
    for (const Row& row : vm.rows) {
      if (row.device > vm.dictionary->devices.size()) __builtin_trap();
    }
    for (const CustomRow& row : vm.custom) {
      if (row.device > vm.dictionary->devices.size() || row.values.size() != row.shape->fields.size()) __builtin_trap();
    }
  }
  return 0;
}
