#include "ingest/dialect/telegraf_json.h"

#include "ingest/dialect/normalize.h"

// Any bytes end in points or in named problems.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  static Normalizer normalizer;
  DoorBatch batch;
  take_telegraf_json({reinterpret_cast<const char*>(data), size}, from_unix_ms(1'700'000'000'000), normalizer, batch);
  if (batch.points_wrong > batch.points) __builtin_trap();
  if (batch.points_wrong > 0 && batch.errors().empty()) __builtin_trap();
  for (const DoorVm& vm : batch.vms) {
    if (!Dictionary::decode(vm.dictionary->encode()).has_value()) __builtin_trap();
    for (const Row& row : vm.rows) {
      if (row.device > vm.dictionary->devices.size() || !is_catalogue_group(row.group)) __builtin_trap();
    }
  }
  return 0;
}
