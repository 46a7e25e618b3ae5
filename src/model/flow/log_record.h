// Log record: what the one durable way in consists of. Layout, drawn: docs/formats/log_record.md.
//
//   record := u32 payload length · u8 type · u32 CRC32C of type and payload · payload
//
// Rows of every source end up as RowsRecord: opened bytes of a frame, or what a dialect made of its lines.
//
// Units      times ns; positions are bytes since the log's first record ever and only grow.
// Ownership  decoded records borrow the buffer.
// Threading  pure.
// Errors     read_record: nullopt at the end or at the first damaged byte; the reader's ok() tells which.
//            decode: kCorruption names the record and what is malformed.
// Limits     kLogPayloadBytesMax a record (asserted when one is made), kFieldsMax fields a measurement.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/result.h"
#include "base/core/time.h"
#include "model/catalogue/catalogue.h"
#include "model/flow/vm.h"
#include "model/row/dictionary.h"

namespace dragonfly {

enum class LogPosition : uint64_t {};
constexpr uint64_t offset_of(LogPosition position) { return static_cast<uint64_t>(position); }
constexpr LogPosition operator+(LogPosition position, uint64_t bytes) {
  return LogPosition{offset_of(position) + bytes};
}

inline constexpr size_t kLogPayloadBytesMax = 16u << 20;
inline constexpr size_t kLogRecordHeaderBytes = 9;

// On disk; never renumbered. Unknown types are skipped and counted.
enum class LogRecordType : uint8_t { kVm = 1, kDictionary = 2, kMeasurement = 3, kRows = 4 };

// A new VM: u32 id · text ns · text mcis · text vm
struct VmRecord {
  VmId id = VmId::kNone;
  VmIdentity identity;
  void encode(Bytes& payload) const;
  static Result<VmRecord> decode(ByteView payload);
};

// A new dictionary: its encoding (row/dictionary.h); the id follows from it.

// A custom measurement, whole, whenever it gains a field:
//   u32 group · text ns · text name · varint count · (text · u8 type)…
struct MeasurementRecord {
  GroupId group{};
  std::string ns;
  std::string name;
  struct Field {
    std::string name;
    ValueType type;
  };
  std::vector<Field> fields;  // Index = field number; append-only; at most kFieldsMax.
  void encode(Bytes& payload) const;
  static Result<MeasurementRecord> decode(ByteView payload);
};

// Rows of one VM that arrived together:
//   u32 vm · i64 received at ns (server's wall clock) · u64 dictionary id · u8 from agent (0 or 1) ·
//   [u64 agent id · u64 session · u64 packet · u64 spool id · varint first sequence · varint lowest kept] · row block
struct RowsRecord {
  VmId vm = VmId::kNone;
  Timestamp received_at{};
  DictionaryId dictionary_id = 0;
  struct Agent {
    uint64_t agent_id = 0;
    uint64_t session = 0;
    uint64_t packet = 0;
    uint64_t spool_id = 0;
    uint64_t first_sequence = 0;
    uint64_t lowest_kept = 0;
  };
  std::optional<Agent> agent;
  ByteView row_block;  // Not looked into: RowBlockReader checks it.
  void encode(Bytes& payload) const;
  static Result<RowsRecord> decode(ByteView payload);
};

// Every record's encode() appends to `payload`.

// Appends a whole record to `out`. `write_payload` gets `out` and appends the payload to it.
template <std::invocable<Bytes&> WritePayload>
void append_record(Bytes& out, LogRecordType type, WritePayload&& write_payload);
void append_record(Bytes& out, LogRecordType type, ByteView payload);

// Walks the records of a buffer.
class LogRecordReader {
 public:
  struct Record {
    LogRecordType type;
    ByteView payload;
    size_t offset;  // Of the record's first byte, in the buffer.
  };
  explicit LogRecordReader(ByteView buffer) : buffer_(buffer) {}
  std::optional<Record> next();
  // False once a record was damaged or cut; offset() is then where the good ones end.
  bool ok() const { return ok_; }
  size_t offset() const { return offset_; }

 private:
  ByteView buffer_;
  size_t offset_ = 0;
  bool ok_ = true;
};

void finish_record(Bytes& out, size_t start, LogRecordType type);  // Fills in length and checksum.

template <std::invocable<Bytes&> WritePayload>
void append_record(Bytes& out, LogRecordType type, WritePayload&& write_payload) {
  const size_t start = out.size();
  out.resize(start + kLogRecordHeaderBytes);
  write_payload(out);
  finish_record(out, start, type);
}

}  // namespace dragonfly
