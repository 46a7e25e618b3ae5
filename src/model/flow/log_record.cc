#include "model/flow/log_record.h"

#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "base/core/names.h"
#include "model/row/row.h"

namespace dragonfly {
namespace {

constexpr size_t kTypeAt = 4;
constexpr size_t kChecksumAt = 5;

uint32_t checksum(uint8_t type, ByteView payload) { return crc32c(payload, crc32c(ByteView(&type, 1))); }

auto malformed(std::string_view record, std::string_view what) {
  return fail(ErrorCode::kCorruption, "log record {}: {}", record, what);
}

Result<std::string> read_name(ByteReader& in, std::string_view record, std::string_view parameter) {
  const std::string_view name = in.text();
  if (!in.ok()) return malformed(record, "cut");
  if (auto named = check_name(parameter, name); !named) {
    return fail(ErrorCode::kCorruption, "log record {}: {}", record, named.error().message);
  }
  return std::string(name);
}

// `out` = the name, or leave with the error.
Result<> read_name_into(std::string& out, ByteReader& in, std::string_view record, std::string_view parameter) {
  auto name = read_name(in, record, parameter);
  if (!name) return fail(std::move(name).error());
  out = std::move(*name);
  return {};
}

}  // namespace

void VmRecord::encode(Bytes& payload) const {
  ByteWriter writer(payload);
  writer.u32(static_cast<uint32_t>(id));
  writer.text(identity.ns);
  writer.text(identity.mcis);
  writer.text(identity.vm);
}

Result<VmRecord> VmRecord::decode(ByteView payload) {
  constexpr std::string_view kName = "vm";
  VmRecord out;
  ByteReader in(payload);
  out.id = VmId{in.u32()};
  DF_TRY(read_name_into(out.identity.ns, in, kName, "ns"));
  out.identity.mcis = in.text();  // A dialect's rows may name none.
  if (!out.identity.mcis.empty()) {
    if (auto named = check_name("mcis", out.identity.mcis); !named) return malformed(kName, named.error().message);
  }
  DF_TRY(read_name_into(out.identity.vm, in, kName, "vm"));
  if (!in.done()) return malformed(kName, "cut or too long");
  if (out.id == VmId::kNone) return malformed(kName, "id is 0");
  return out;
}

void MeasurementRecord::encode(Bytes& payload) const {
  DF_ASSERT(fields.size() <= kFieldsMax);
  ByteWriter writer(payload);
  writer.u32(static_cast<uint32_t>(group));
  writer.text(ns);
  writer.text(name);
  writer.varint(fields.size());
  for (const Field& field : fields) {
    writer.text(field.name);
    writer.u8(static_cast<uint8_t>(field.type));
  }
}

Result<MeasurementRecord> MeasurementRecord::decode(ByteView payload) {
  constexpr std::string_view kName = "measurement";
  MeasurementRecord out;
  ByteReader in(payload);
  out.group = GroupId{in.u32()};
  DF_TRY(read_name_into(out.ns, in, kName, "ns"));
  DF_TRY(read_name_into(out.name, in, kName, "name"));
  const uint64_t count = in.varint();
  if (count > kFieldsMax) {
    return fail(ErrorCode::kCorruption, "log record {}: {} fields; at most {}", kName, count, kFieldsMax);
  }
  for (uint64_t i = 0; i < count; ++i) {
    Field field;
    DF_TRY(read_name_into(field.name, in, kName, "field"));
    const uint8_t type = in.u8();
    if (type < static_cast<uint8_t>(ValueType::kFloat64) || type > static_cast<uint8_t>(ValueType::kBool)) {
      return fail(ErrorCode::kCorruption, "log record {}: field {} has type {}", kName, i, type);
    }
    field.type = static_cast<ValueType>(type);
    out.fields.push_back(std::move(field));
  }
  if (!in.done()) return malformed(kName, "cut or too long");
  if (static_cast<uint32_t>(out.group) < kFirstCustomGroup) return malformed(kName, "group is the catalogue's");
  return out;
}

void RowsRecord::encode(Bytes& payload) const {
  ByteWriter writer(payload);
  writer.u32(static_cast<uint32_t>(vm));
  writer.u64(static_cast<uint64_t>(unix_ns(received_at)));
  writer.u64(dictionary_id);
  writer.u8(agent ? 1 : 0);
  if (agent) {
    writer.u64(agent->agent_id);
    writer.u64(agent->session);
    writer.u64(agent->packet);
    writer.u64(agent->spool_id);
    writer.varint(agent->first_sequence);
    writer.varint(agent->lowest_kept);
  }
  writer.bytes(row_block);
}

Result<RowsRecord> RowsRecord::decode(ByteView payload) {
  RowsRecord out;
  ByteReader in(payload);
  out.vm = VmId{in.u32()};
  out.received_at = from_unix_ns(static_cast<int64_t>(in.u64()));
  out.dictionary_id = in.u64();
  const uint8_t from_agent = in.u8();
  if (from_agent > 1) return malformed("rows", "from agent is neither 0 nor 1");
  if (from_agent == 1) {
    Agent& agent = out.agent.emplace(Agent{});
    agent.agent_id = in.u64();
    agent.session = in.u64();
    agent.packet = in.u64();
    agent.spool_id = in.u64();
    agent.first_sequence = in.varint();
    agent.lowest_kept = in.varint();
  }
  if (!in.ok()) return malformed("rows", "cut before the row block");
  if (out.vm == VmId::kNone) return malformed("rows", "vm is 0");
  out.row_block = in.bytes(in.remaining());
  return out;
}

void append_record(Bytes& out, LogRecordType type, ByteView payload) {
  append_record(out, type, [&](Bytes& to) { to.insert(to.end(), payload.begin(), payload.end()); });
}

void finish_record(Bytes& out, size_t start, LogRecordType type) {
  DF_ASSERT(out.size() >= start + kLogRecordHeaderBytes);
  const ByteView payload = ByteView(out).subspan(start + kLogRecordHeaderBytes);
  DF_ASSERT(payload.size() <= kLogPayloadBytesMax);
  const auto length = static_cast<uint32_t>(payload.size());
  const auto type_byte = static_cast<uint8_t>(type);
  const uint32_t sum = checksum(type_byte, payload);
  uint8_t* const header = out.data() + start;
  std::memcpy(header, &length, sizeof length);
  header[kTypeAt] = type_byte;
  std::memcpy(header + kChecksumAt, &sum, sizeof sum);
}

std::optional<LogRecordReader::Record> LogRecordReader::next() {
  if (!ok_ || offset_ == buffer_.size()) return std::nullopt;
  ByteReader in(buffer_.subspan(offset_));
  const uint32_t length = in.u32();
  const uint8_t type = in.u8();
  const uint32_t sum = in.u32();
  const ByteView payload = in.bytes(length);
  if (!in.ok() || length > kLogPayloadBytesMax || checksum(type, payload) != sum) {
    ok_ = false;
    return std::nullopt;
  }
  const Record record{static_cast<LogRecordType>(type), payload, offset_};
  offset_ += kLogRecordHeaderBytes + payload.size();
  return record;
}

}  // namespace dragonfly
