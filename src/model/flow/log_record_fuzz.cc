// Log records: a buffer of records, or (first byte) the payload of one; what is accepted must come back the same.
#include "base/core/assert.h"
#include "base/core/testing/round_trip.h"
#include "model/flow/log_record.h"

namespace dragonfly {
namespace {

void check_by_type(LogRecordType type, ByteView payload) {
  switch (type) {
    case LogRecordType::kVm: check_round_trip<VmRecord>(payload); break;
    case LogRecordType::kMeasurement: check_round_trip<MeasurementRecord>(payload); break;
    case LogRecordType::kRows: check_round_trip<RowsRecord>(payload); break;
    default: break;
  }
}

void check_buffer(ByteView buffer) {
  LogRecordReader reader(buffer);
  Bytes again;
  while (const auto record = reader.next()) {
    DF_ASSERT(record->offset == again.size());
    check_by_type(record->type, record->payload);
    append_record(again, record->type, record->payload);
  }
  DF_ASSERT(reader.ok() == (reader.offset() == buffer.size()));
  const ByteView good = buffer.first(reader.offset());
  DF_ASSERT(std::equal(again.begin(), again.end(), good.begin(), good.end()));
}

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] % 5 == 0)
    check_buffer(rest);
  else
    check_by_type(static_cast<LogRecordType>(data[0] % 5), rest);
  return 0;
}
