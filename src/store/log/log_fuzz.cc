// Reading a segment: any bytes are read without a fault, the counts add up, and records lie where they are said to.
#include "base/core/assert.h"
#include "store/log/segment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const ByteView file(data, size);
  constexpr LogPosition kBase{1000};
  check_segment_header(file, kBase);
  const ByteView content = file.subspan(std::min(kSegmentHeaderBytes, size));
  for (const bool is_last : {false, true}) {
    uint64_t records = 0;
    uint64_t behind = offset_of(kBase);
    const SegmentSummary summary =
        read_segment(content, kBase, is_last, [&](const LogRecordReader::Record& record, LogPosition at) {
          ++records;
          DF_ASSERT(offset_of(at) >= behind);
          behind = offset_of(at) + kLogRecordHeaderBytes + record.payload.size();
          DF_ASSERT(behind - offset_of(kBase) <= content.size());
        });
    DF_ASSERT(summary.records == records);
    DF_ASSERT(summary.good_bytes + summary.torn_bytes == content.size());
    DF_ASSERT(summary.damaged_bytes <= content.size());
    DF_ASSERT(is_last || summary.torn_bytes == 0);
  }
  return 0;
}
