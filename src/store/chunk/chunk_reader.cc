#include <algorithm>
#include <array>

#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "store/chunk/chunk_codec.h"
#include "store/chunk/coding/differences.h"
#include "store/chunk/coding/layout.h"
#include "store/chunk/coding/numbers.h"
#include "store/chunk/coding/presence.h"
#include "store/chunk/coding/residuals.h"

namespace dragonfly {

using namespace chunk;

namespace {

// What stands before a column's residuals.
struct Params {
  Form form = Form::kBits;
  bool rest = false;
  bool gated = false;
  Coder coder = Coder::kZeros;
  uint64_t divisor = 1;
  uint64_t whole = 0;
  uint64_t gate = 0;
  size_t terms = 0;
  std::array<Term, kTermsMax> term;
  uint64_t exceptions = 0;
  ByteReader exception_bytes{ByteView()};
  Differences how;
  ByteView residuals;
};

bool read_exceptions(ByteReader& in, size_t rows, Params& out) {
  out.exceptions = in.varint();
  if (out.exceptions == 0 || out.exceptions > rows) return false;
  out.exception_bytes = in;
  uint64_t next = 0;
  for (uint64_t i = 0; i < out.exceptions; ++i) {
    const uint64_t gap = in.varint();
    in.u64();
    if (!in.ok() || gap >= rows - next) return false;
    next += gap + 1;
  }
  return true;
}

bool read_params(ByteView data, ValueType type, size_t rows, Params& out) {
  ByteReader in(data);
  const uint8_t head = in.u8();
  const uint8_t second = in.u8();
  out.form = static_cast<Form>(head & 7);
  out.rest = (head & kRest) != 0;
  out.gated = (head & kHasGate) != 0;
  out.how.order = static_cast<Order>(second & 3);
  out.how.is_signed = (second & kSigned) != 0;
  out.coder = static_cast<Coder>(second >> kCoderShift);
  if ((head & 7) >= kFormsEnd || second >> kCoderShift >= kCodersEnd) return false;
  if (out.form != Form::kBits && type != ValueType::kFloat64) return false;
  if (out.rest && !is_share(out.form)) return false;
  out.divisor = out.form == Form::kDivided ? in.varint() : 1;
  if (out.divisor == 0 || out.divisor > kDivisorMax) return false;
  if (is_share(out.form)) out.whole = in.varint();
  const uint64_t terms = (head & kHasTerms) != 0 ? in.varint() : 0;
  if (terms > kTermsMax) return false;
  out.terms = terms;
  for (size_t i = 0; i < terms; ++i) {
    const uint64_t term = in.varint();
    out.term[i] = {static_cast<uint32_t>(std::min<uint64_t>(term >> 1, UINT32_MAX)), (term & 1) != 0};
  }
  if (out.gated) out.gate = in.varint();
  out.how.unit = (head & kHasUnit) != 0 ? in.varint() : 1;
  out.exceptions = 0;
  if ((head & kHasExceptions) != 0 && !read_exceptions(in, rows, out)) return false;
  out.how.base = static_cast<uint64_t>(in.svarint());
  out.how.step = out.how.order == Order::kStep ? static_cast<uint64_t>(in.svarint()) : 0;
  out.residuals = data.last(in.remaining());
  return in.ok();
}

uint64_t constant_of(ValueType type, ByteView data) {
  uint64_t bits = 0;
  for (size_t i = 0; i < data.size(); ++i) bits |= static_cast<uint64_t>(data[i]) << (i * 8);
  if (type == ValueType::kFloat64 && !data.empty()) bits <<= (8 - data.size()) * 8;
  return bits;
}

struct Slot {
  uint64_t generation = 0;
  bool has_residuals = false;
  bool has_integers = false;
  Params params;
  std::vector<uint64_t> residuals;  // As they are coded, with those that a gate leaves out.
  std::vector<uint64_t> integers;
};

}  // namespace

struct ChunkScratch::State {
  std::vector<Slot> slots;
  uint64_t generation = 0;
  uint32_t presence = 0;  // That is expanded below, in this generation; 0 = none.
  std::vector<uint8_t> present;
  size_t present_rows = 0;
  std::vector<uint64_t> coded;  // Residuals without what a gate leaves out; values of present rows.

  void begin(size_t entries) {
    if (slots.size() < entries) slots.resize(entries);
    ++generation;
    presence = 0;
  }
};

ChunkScratch::ChunkScratch() : state_(std::make_unique<State>()) {}
ChunkScratch::ChunkScratch(ChunkScratch&&) noexcept = default;
ChunkScratch::~ChunkScratch() = default;

// Decodes columns of one chunk, each that is needed once. Every function is false where the chunk is malformed.
class ChunkReader::Decoder {
 public:
  Decoder(const ChunkReader& reader, ChunkScratch::State& scratch) : reader_(reader), scratch_(scratch) {
    scratch_.begin(reader.entries_.size());
  }
  bool column(size_t index, Column& out);

 private:
  bool expand_presence(uint32_t presence, size_t& rows);
  Slot* slot_of(size_t index, size_t rows);
  bool residuals(size_t index, uint32_t presence, size_t rows, uint32_t level);
  bool gated_residuals(const Params& params, uint32_t presence, std::span<uint64_t> out, uint32_t level);
  const uint64_t* integers(uint64_t index, uint32_t presence, size_t rows, uint32_t level);
  bool integers_into(size_t index, std::span<uint64_t> out, uint32_t level);
  bool values_into(size_t index, std::span<uint64_t> out);
  bool shares_into(const Params& params, uint32_t presence, std::span<uint64_t> out);

  const ChunkReader& reader_;
  ChunkScratch::State& scratch_;
};

bool ChunkReader::Decoder::expand_presence(uint32_t presence, size_t& rows) {
  rows = reader_.rows_;
  if (presence == 0) return true;
  if (scratch_.presence != presence) {
    scratch_.present.resize(reader_.rows_);
    scratch_.present_rows = read_bitmap(reader_.bitmaps_[presence - 1], scratch_.present);
    scratch_.presence = presence;
  }
  rows = scratch_.present_rows;
  return rows > 0;
}

Slot* ChunkReader::Decoder::slot_of(size_t index, size_t rows) {
  Slot& slot = scratch_.slots[index];
  if (slot.generation == scratch_.generation) return &slot;
  const Entry& entry = reader_.entries_[index];
  if (!read_params(entry.data, entry.type, rows, slot.params)) return nullptr;
  slot.generation = scratch_.generation;
  slot.has_residuals = false;
  slot.has_integers = false;
  return &slot;
}

bool ChunkReader::Decoder::gated_residuals(const Params& params, uint32_t presence, std::span<uint64_t> out,
                                           uint32_t level) {
  if (!residuals(params.gate, presence, out.size(), level + 1)) return false;
  const std::vector<uint64_t>& gate = scratch_.slots[params.gate].residuals;
  const size_t settled = std::min<size_t>(settled_by(params.how.order), out.size());
  size_t count = 0;
  for (size_t row = settled; row < out.size(); ++row) count += gate[row] != 0 ? 1 : 0;
  // One more than there are, so that the loop below need not branch.
  scratch_.coded.resize(count + 1);
  if (!decode_residuals(params.residuals, params.coder, {scratch_.coded.data(), count})) return false;
  scratch_.coded[count] = 0;
  size_t at = 0;
  for (size_t row = settled; row < out.size(); ++row) {
    const bool open = gate[row] != 0;
    out[row] = open ? scratch_.coded[at] : 0;
    at += open ? 1 : 0;
  }
  return true;
}

bool ChunkReader::Decoder::residuals(size_t index, uint32_t presence, size_t rows, uint32_t level) {
  if (index >= reader_.entries_.size() || level >= kLevelsMax) return false;
  const Entry& entry = reader_.entries_[index];
  if (entry.kind != kIntegers || entry.presence != presence) return false;
  Slot* slot = slot_of(index, rows);
  if (slot == nullptr) return false;
  if (slot->has_residuals) return true;
  const Params& params = slot->params;
  slot->residuals.resize(rows);
  const std::span<uint64_t> out = slot->residuals;
  const size_t settled = std::min<size_t>(settled_by(params.how.order), rows);
  std::fill_n(out.begin(), settled, 0);
  const bool good = params.gated ? gated_residuals(params, presence, out, level)
                                 : decode_residuals(params.residuals, params.coder, out.subspan(settled));
  slot->has_residuals = good;
  return good;
}

const uint64_t* ChunkReader::Decoder::integers(uint64_t index, uint32_t presence, size_t rows, uint32_t level) {
  if (index >= reader_.entries_.size() || level >= kLevelsMax) return nullptr;
  const Entry& entry = reader_.entries_[index];
  if (entry.presence != presence) return nullptr;
  Slot& slot = scratch_.slots[index];
  if (entry.kind >= kConstant) {
    if (entry.type == ValueType::kFloat64) return nullptr;
    slot.integers.assign(rows, constant_of(entry.type, entry.data));
    return slot.integers.data();
  }
  if (slot.generation == scratch_.generation && slot.has_integers) return slot.integers.data();
  if (entry.kind != kIntegers) return nullptr;
  slot.integers.resize(rows);
  if (!integers_into(index, slot.integers, level)) return nullptr;
  slot.has_integers = true;
  return slot.integers.data();
}

bool ChunkReader::Decoder::integers_into(size_t index, std::span<uint64_t> out, uint32_t level) {
  const uint32_t presence = reader_.entries_[index].presence;
  if (!residuals(index, presence, out.size(), level)) return false;
  const Slot& slot = scratch_.slots[index];
  undo_differences(slot.params.how, slot.residuals, out);
  for (size_t i = 0; i < slot.params.terms; ++i) {
    const Term term = slot.params.term[i];
    const uint64_t* other = integers(term.column, presence, out.size(), level + 1);
    if (other == nullptr) return false;
    if (term.negative) {
      for (size_t row = 0; row < out.size(); ++row) out[row] -= other[row];
    } else {
      for (size_t row = 0; row < out.size(); ++row) out[row] += other[row];
    }
  }
  return true;
}

bool ChunkReader::Decoder::shares_into(const Params& params, uint32_t presence, std::span<uint64_t> out) {
  const uint64_t* whole = integers(params.whole, presence, out.size(), 1);
  if (whole == nullptr) return false;
  for (size_t row = 0; row < out.size(); ++row) {
    const auto bits = share_bits(params.form, params.rest, params.rest ? whole[row] - out[row] : out[row], whole[row]);
    if (!bits) return false;
    out[row] = *bits;
  }
  return true;
}

bool ChunkReader::Decoder::values_into(size_t index, std::span<uint64_t> out) {
  const Entry& entry = reader_.entries_[index];
  if (entry.kind >= kConstant) {
    std::ranges::fill(out, constant_of(entry.type, entry.data));
    return true;
  }
  if (entry.kind == kRaw) {
    if (entry.data.size() != out.size_bytes()) return false;
    std::memcpy(out.data(), entry.data.data(), entry.data.size());
    return true;
  }
  Slot& slot = scratch_.slots[index];
  if (slot.generation == scratch_.generation && slot.has_integers) {
    std::ranges::copy(slot.integers, out.begin());
  } else if (!integers_into(index, out, 0)) {
    return false;
  }
  Params& params = slot.params;
  if (params.form == Form::kDivided) undivide(out, params.divisor);
  if (is_share(params.form) && !shares_into(params, entry.presence, out)) return false;
  ByteReader exceptions = params.exception_bytes;
  size_t row = 0;
  for (uint64_t i = 0; i < params.exceptions; ++i, ++row) {
    row += exceptions.varint();
    out[row] = exceptions.u64();
  }
  return true;
}

bool ChunkReader::Decoder::column(size_t index, Column& out) {
  const Entry& entry = reader_.entries_[index];
  const size_t rows = reader_.rows_;
  out.type = entry.type;
  out.bits.resize(rows);
  out.present.resize(rows);
  if (entry.kind == kAbsent) {
    std::ranges::fill(out.bits, 0);
    std::ranges::fill(out.present, 0);
    return true;
  }
  size_t present = 0;
  if (!expand_presence(entry.presence, present)) return false;
  const std::span<uint64_t> dense(out.bits.data(), present);
  if (!values_into(index, dense)) return false;
  if (entry.type == ValueType::kBool && std::ranges::any_of(dense, [](uint64_t bits) { return bits > 1; }))
    return false;
  if (entry.presence == 0) {
    std::ranges::fill(out.present, 1);
    return true;
  }
  // Spread from the end, so that nothing is overwritten before it was moved.
  std::ranges::copy(scratch_.present, out.present.begin());
  for (size_t row = rows, at = present; row-- > 0;) out.bits[row] = out.present[row] != 0 ? out.bits[--at] : 0;
  return true;
}

Result<ChunkReader> ChunkReader::open(ByteView key, ByteView chunk) {
  ChunkReader reader;
  DF_TRY(reader.reopen(key, chunk));
  return reader;
}

Result<> ChunkReader::reopen(ByteView key, ByteView chunk) {
  if (chunk.size() < 1 + kChecksumBytes)
    return fail(ErrorCode::kCorruption, "chunk of {} bytes is too short", chunk.size());
  const ByteView body = chunk.first(chunk.size() - kChecksumBytes);
  if (ByteReader(chunk.last(kChecksumBytes)).u32() != crc32c(body, crc32c(key)))
    return fail(ErrorCode::kCorruption, "chunk's checksum does not match");
  ByteReader in(body);
  if (const uint8_t version = in.u8(); version != kChunkVersion)
    return fail(ErrorCode::kUnsupported, "chunk has version {}; this build reads {}", version, kChunkVersion);
  const uint64_t group = in.varint();
  const uint64_t rows = in.varint();
  const uint64_t columns = in.varint();
  const uint8_t flags = in.u8();
  const size_t hidden = flags >> 2 & 31;
  const uint64_t times_bytes = in.varint();
  const uint64_t boots_bytes = in.varint();
  const uint64_t bitmaps = (flags & 0x80) != 0 ? in.varint() : 0;
  // A column costs a byte of directory, and a bitmap two: what is allocated below is bounded by the input.
  if (!in.ok() || group > UINT32_MAX || columns > kChunkColumnsMax || hidden > kHiddenColumnsMax || rows == 0 ||
      rows > chunk_rows_max(columns) || columns + hidden > in.remaining() || bitmaps > in.remaining() / 2)
    return fail(ErrorCode::kCorruption, "chunk's header is malformed");
  group_ = GroupId{static_cast<uint32_t>(group)};
  rows_ = rows;
  columns_ = columns;
  unit_ = flags & 3;
  entries_.resize(columns + hidden);
  return read_directory(in, times_bytes, boots_bytes, bitmaps);
}

Result<> ChunkReader::read_directory(ByteReader& in, uint64_t times_bytes, uint64_t boots_bytes, uint64_t bitmaps) {
  // The lengths first; where the data begin is known behind the last.
  uint64_t total = 0;
  for (Entry& entry : entries_) {
    const uint8_t head = in.u8();
    entry.type = static_cast<ValueType>((head & 3) + 1);
    entry.kind = head >> kKindShift;
    const bool mixed = (head & kMixed) != 0;
    const uint64_t bitmap = mixed ? in.varint() : 0;
    const bool known = entry.kind <= kIntegers || (entry.kind >= kConstant && entry.kind < kKindsEnd);
    if (!known || (mixed && (bitmap >= bitmaps || entry.kind == kAbsent)))
      return fail(ErrorCode::kCorruption, "chunk's column directory is malformed");
    entry.presence = mixed ? static_cast<uint32_t>(bitmap + 1) : 0;
    uint64_t length = 0;
    if (entry.kind == kRaw || entry.kind == kIntegers) length = in.varint();
    if (entry.kind >= kConstant) length = entry.kind - kConstant;
    if (!in.ok() || length > in.remaining())
      return fail(ErrorCode::kCorruption, "chunk's column directory is malformed");
    total += length;
    entry.data = ByteView(in.position(), length);
  }
  times_ = in.bytes(times_bytes);
  boots_ = in.bytes(boots_bytes);
  bitmaps_.clear();
  for (uint64_t i = 0; i < bitmaps; ++i) bitmaps_.push_back(next_bitmap(in, rows_));
  if (!in.ok() || total != in.remaining())
    return fail(ErrorCode::kCorruption, "chunk's columns do not fill it exactly");
  for (Entry& entry : entries_) entry.data = in.bytes(entry.data.size());
  return {};
}

Result<> ChunkReader::times_into(std::vector<int64_t>& out) const {
  const auto malformed = [] { return fail(ErrorCode::kCorruption, "chunk's times are malformed"); };
  Params params;
  if (!read_params(times_, ValueType::kInt64, rows_, params) || params.terms > 0 || params.gated ||
      params.exceptions > 0)
    return malformed();
  out.resize(rows_);
  const std::span<uint64_t> times(reinterpret_cast<uint64_t*>(out.data()), rows_);
  const size_t settled = std::min<size_t>(settled_by(params.how.order), rows_);
  std::fill_n(times.begin(), settled, 0);
  if (!decode_residuals(params.residuals, params.coder, times.subspan(settled))) return malformed();
  undo_differences(params.how, times, times);
  bool good = true;
  for (size_t row = 0; row < rows_; ++row) {
    good &= !__builtin_mul_overflow(out[row], kUnitsNs[unit_], &out[row]);
    good &= row == 0 || out[row] > out[row - 1];
  }
  return good ? Result<>() : malformed();
}

Result<> ChunkReader::boots_into(std::vector<uint64_t>& out) const {
  ByteReader in(boots_);
  out.resize(rows_);
  size_t row = 0;
  while (in.ok() && in.remaining() > 0) {
    const uint64_t head = in.varint();
    const uint64_t boot = (head & 1) != 0 ? 0 : in.u64();
    const uint64_t run = head >> 1;
    if (!in.ok() || run > rows_ - row) break;
    std::fill_n(out.begin() + static_cast<ptrdiff_t>(row), run, boot);
    row += run;
  }
  if (!in.done() || row != rows_) return fail(ErrorCode::kCorruption, "chunk's boot runs are malformed");
  return {};
}

Result<> ChunkReader::columns_into(std::span<const size_t> wanted, ChunkScratch& scratch, std::span<Column> out) const {
  DF_ASSERT(wanted.size() == out.size());
  Decoder decoder(*this, *scratch.state_);
  for (size_t i = 0; i < wanted.size(); ++i) {
    DF_ASSERT(wanted[i] < columns_);
    if (!decoder.column(wanted[i], out[i]))
      return fail(ErrorCode::kCorruption, "chunk's column {} is malformed", wanted[i]);
  }
  return {};
}

Result<> ChunkReader::column_into(size_t index, ChunkScratch& scratch, Column& out) const {
  return columns_into({&index, 1}, scratch, {&out, 1});
}

Result<std::vector<int64_t>> ChunkReader::times() const {
  std::vector<int64_t> out;
  DF_TRY(times_into(out));
  return out;
}

Result<std::vector<uint64_t>> ChunkReader::boots() const {
  std::vector<uint64_t> out;
  DF_TRY(boots_into(out));
  return out;
}

Result<Column> ChunkReader::column(size_t index) const {
  ChunkScratch scratch;
  Column out;
  DF_TRY(column_into(index, scratch, out));
  return out;
}

Result<ColumnSet> ChunkReader::all() const {
  ColumnSet out;
  DF_TRY(times_into(out.times_ns));
  DF_TRY(boots_into(out.boots));
  ChunkScratch scratch;
  std::vector<size_t> wanted(columns_);
  for (size_t i = 0; i < columns_; ++i) wanted[i] = i;
  out.columns.resize(columns_);
  DF_TRY(columns_into(wanted, scratch, out.columns));
  return out;
}

}  // namespace dragonfly
