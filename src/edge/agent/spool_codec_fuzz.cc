// A segment as it may lie on a damaged disk: every record that is read is written again to the same bytes.
#include <cstdlib>

#include "edge/agent/spool_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const ByteView input(data, size);
  (void)SpoolHeader::decode(input);
  // Behind a whole header, and once more with the checksum that chance will not find.
  Bytes segment;
  SpoolHeader{1, 2}.encode(segment);
  segment.insert(segment.end(), input.begin(), input.end());
  SpoolRecord record;
  SpoolReader reader(segment);
  while (reader.next(record)) {
    Bytes again;
    encode_spool_record(record, again);
    Bytes whole;
    SpoolHeader{1, 2}.encode(whole);
    whole.insert(whole.end(), again.begin(), again.end());
    SpoolRecord read;
    if (!SpoolReader(whole).next(read) || read.index() != record.index()) std::abort();
  }
  if (reader.good_bytes() > segment.size()) std::abort();
  return 0;
}
