// Reads no foreign bytes: the encoder. What it writes is drawn in docs/formats/chunk.md.
#include "store/chunk/chunk_codec.h"

#include <algorithm>
#include <bit>

#include "base/core/assert.h"
#include "base/core/crc32c.h"
#include "store/chunk/coding/hints.h"
#include "store/chunk/coding/plan.h"
#include "store/chunk/coding/presence.h"
#include "store/chunk/coding/residuals.h"
#include "store/chunk/coding/shares.h"

namespace dragonfly {

using namespace chunk;

namespace {

constexpr double kTicksPerSecond = 100;  // Of every Linux processor, whatever the kernel's own clock does.
// Columns just before it that a column may be predicted from without a hint.
constexpr uint32_t kNeighbours = 3;

uint8_t coarsest_unit(std::span<const int64_t> times) {
  uint8_t unit = 3;
  for (const int64_t time : times) {
    while (time % kUnitsNs[unit] != 0) --unit;
    if (unit == 0) break;
  }
  return unit;
}

void write_boots(Bytes& out, std::span<const uint64_t> boots) {
  ByteWriter writer(out);
  for (size_t begin = 0; begin < boots.size();) {
    size_t end = begin + 1;
    while (end < boots.size() && boots[end] == boots[begin]) ++end;
    writer.varint((end - begin) << 1 | (boots[begin] == 0 ? 1 : 0));
    if (boots[begin] != 0) writer.u64(boots[begin]);
    begin = end;
  }
}

void write_constant(Bytes& out, const Plan& plan) {
  const unsigned bytes = plan.kind - kConstant;
  uint64_t bits = plan.values[0];
  if (plan.type == ValueType::kFloat64 && bytes > 0) bits >>= (8 - bytes) * 8;
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(bits >> (i * 8)));
}

void write_raw(Bytes& out, std::span<const uint64_t> values) {
  const size_t start = out.size();
  out.resize(start + values.size_bytes());
  std::memcpy(out.data() + start, values.data(), values.size_bytes());
}

}  // namespace

// One chunk in the making, and the memory for the next.
struct ChunkEncoder::State {
  GroupId group{};
  bool small = false;
  size_t columns = 0;
  std::span<const int64_t> times;
  std::vector<Plan> plans;  // Columns, then hidden ones; more than are used, for their memory.
  size_t used = 0;
  std::vector<std::vector<uint8_t>> bitmaps;
  size_t bitmaps_used = 0;
  std::vector<uint32_t> order;  // In which columns were predicted: each from earlier ones only.
  Plan time_plan;
  Bytes data, bitmap_bytes;
  std::vector<uint32_t> lengths;
  std::vector<uint64_t> coded;

  void take_columns(const ColumnSet& rows, size_t begin, size_t end);
  uint32_t presence_of(std::span<const uint8_t> present, size_t count);
  void choose_forms(const GroupHints& hints);
  void try_shares(const SharesHint& hint);
  void try_ratio(const RatioHint& hint);
  uint32_t add_hidden(std::vector<uint64_t>&& values, uint32_t presence);
  void predict(const GroupHints& hints);
  void predict_one(Predictor& predictor, uint32_t column, const GroupHints& hints);
  bool offer_sum(Predictor& predictor, uint32_t column, const SumHint& hint);
  void predict_times(uint8_t unit);
  void write_integers(Plan& plan);
  void write_column(Plan& plan);
  void write(Bytes& out, ByteView key, uint8_t unit, std::span<const uint64_t> boots);
};

uint32_t ChunkEncoder::State::presence_of(std::span<const uint8_t> present, size_t count) {
  if (count == present.size()) return 0;
  for (size_t i = 0; i < bitmaps_used; ++i) {
    if (std::ranges::equal(bitmaps[i], present)) return static_cast<uint32_t>(i + 1);
  }
  if (bitmaps.size() == bitmaps_used) bitmaps.emplace_back();
  bitmaps[bitmaps_used++].assign(present.begin(), present.end());
  return static_cast<uint32_t>(bitmaps_used);
}

void ChunkEncoder::State::take_columns(const ColumnSet& rows, size_t begin, size_t end) {
  columns = rows.columns.size();
  used = columns;
  bitmaps_used = 0;
  order.clear();
  if (plans.size() < columns + kHiddenColumnsMax) plans.resize(columns + kHiddenColumnsMax);
  for (size_t i = 0; i < columns; ++i) {
    const Column& column = rows.columns[i];
    plans[i].reset(column.type);
    const std::span present(column.present.data() + begin, end - begin);
    size_t count = 0;
    for (const uint8_t one : present) count += one;
    if (count > 0)
      take_values(plans[i], {column.bits.data() + begin, end - begin}, present, presence_of(present, count));
  }
}

uint32_t ChunkEncoder::State::add_hidden(std::vector<uint64_t>&& values, uint32_t presence) {
  DF_ASSERT(used < columns + kHiddenColumnsMax);
  Plan& plan = plans[used];
  plan.reset(ValueType::kUint64);
  plan.dense = std::move(values);
  plan.values = plan.dense;
  plan.presence = presence;
  settle_kind(plan);
  if (!plan.is_constant()) choose_form(plan, small);
  return static_cast<uint32_t>(used++);
}

// The processors' shares of each row's ticks, where they can be found.
void ChunkEncoder::State::try_shares(const SharesHint& hint) {
  const Plan& idle = plans[hint.idle];
  if (idle.kind != kIntegers || times.size() < 2) return;
  std::vector<uint32_t> fields{hint.idle};
  for (const uint16_t part : hint.parts) {
    if (plans[part].kind != kAbsent) fields.push_back(part);
  }
  std::vector<std::span<const uint64_t>> values;
  for (const uint32_t field : fields) {
    if (plans[field].type != ValueType::kFloat64 || plans[field].presence != idle.presence) return;
    values.push_back(plans[field].values);
  }
  const Plan& processors = plans[hint.processors];
  const double seconds =
      static_cast<double>(times.back() - times.front()) / 1e9 / static_cast<double>(times.size() - 1);
  const double ticks =
      processors.is_constant() ? seconds * kTicksPerSecond * static_cast<double>(processors.values[0]) : 0;
  Shares shares;
  if (!find_shares(values, ticks < 1e9 ? static_cast<uint64_t>(ticks + 0.5) : 0, shares)) return;
  std::vector<uint64_t> busy(shares.wholes.size());
  for (size_t row = 0; row < busy.size(); ++row) busy[row] = shares.wholes[row] - shares.parts[0][row];
  const uint32_t whole = add_hidden(std::move(shares.wholes), idle.presence);
  for (size_t i = 0; i < fields.size(); ++i) {
    Plan& plan = plans[fields[i]];
    if (plan.kind == kIntegers) become_share(plan, shares.form, false, whole, plans, shares.parts[i]);
  }
  Plan& rest = plans[hint.rest];
  if (rest.kind == kIntegers && rest.presence == idle.presence && rest.type == ValueType::kFloat64)
    become_share(rest, shares.form, true, whole, plans, busy);
}

void ChunkEncoder::State::try_ratio(const RatioHint& hint) {
  Plan& plan = plans[hint.field];
  const Plan& part = plans[hint.part];
  const auto usable = [&](const Plan& other) {
    return other.presence == plan.presence && other.kind != kAbsent && other.type != ValueType::kFloat64;
  };
  if (plan.kind != kIntegers || plan.type != ValueType::kFloat64 || !usable(part)) return;
  const size_t rows = plan.values.size();
  std::vector<uint64_t> wholes(rows, 0);
  for (const uint16_t field : hint.whole) {
    if (!usable(plans[field])) return;
    for (size_t row = 0; row < rows; ++row) wholes[row] += plans[field].values[row];
  }
  uint32_t whole = hint.whole[0];
  const bool hidden = hint.whole.size() > 1;
  if (hidden) whole = add_hidden(std::move(wholes), plan.presence);
  for (const Form form : {Form::kShareHundredths, Form::kShare, Form::kShareFloored}) {
    std::vector<uint64_t> integers(part.values.begin(), part.values.end());
    if (!become_share(plan, form, false, whole, plans, integers)) continue;
    plan.terms.assign(1, {hint.part, false});
    return;
  }
  if (hidden) --used;
}

void ChunkEncoder::State::choose_forms(const GroupHints& hints) {
  // Integers first: ratios refer to them.
  for (size_t i = 0; i < columns; ++i) {
    if (plans[i].kind == kIntegers && plans[i].type != ValueType::kFloat64) choose_form(plans[i], small);
  }
  if (small && hints.shares != nullptr) try_shares(*hints.shares);
  if (small) {
    for (const RatioHint& ratio : hints.ratios) try_ratio(ratio);
  }
  for (size_t i = 0; i < columns; ++i) {
    if (plans[i].kind == kIntegers && plans[i].integers.empty()) choose_form(plans[i], small);
  }
}

// False where the hint does not speak of what the chunk has.
bool ChunkEncoder::State::offer_sum(Predictor& predictor, uint32_t column, const SumHint& hint) {
  const Plan& plan = plans[column];
  std::vector<Term> terms;
  const bool share = is_share(plan.form);
  for (const HintTerm& term : hint.terms) {
    const Plan& other = plans[term.field];
    if (other.kind == kAbsent || other.is_constant()) continue;
    if (!other.may_be_referred_to() || !same_scale(plan, other)) return false;
    terms.push_back({term.field, term.negative});
  }
  // What is not taken by the rest of a whole: the constant is then not 100, but the whole.
  if (share && hint.terms.size() == 1 && !plans[plan.whole].is_constant()) terms.push_back({plan.whole, false});
  if (!terms.empty()) predictor.offer(column, terms);
  return true;
}

void ChunkEncoder::State::predict_one(Predictor& predictor, uint32_t column, const GroupHints& hints) {
  Plan& plan = plans[column];
  predictor.begin(column);
  if (!plan.terms.empty()) {
    predictor.offer(column, std::vector<Term>(plan.terms));
  } else {
    for (const SumHint& sum : hints.sums) {
      if (sum.field == column) offer_sum(predictor, column, sum);
    }
    for (uint32_t back = 1; small && back <= std::min(kNeighbours, column); ++back) {
      const Plan& other = plans[column - back];
      if (other.is_constant() || !other.may_be_referred_to() || other.level > 0 || !same_scale(plan, other)) continue;
      const Term term{column - back, false};
      predictor.offer(column, {&term, 1});
    }
  }
  predictor.settle(column);
  order.push_back(column);
}

void ChunkEncoder::State::predict(const GroupHints& hints) {
  Predictor predictor(plans, small);
  const auto is_sum = [&](size_t column) {
    return std::ranges::any_of(hints.sums, [&](const SumHint& sum) { return sum.field == column; });
  };
  const auto ready = [&](size_t column) { return plans[column].kind == kIntegers && !plans[column].predicted; };
  for (size_t i = columns; i < used; ++i) {
    if (ready(i)) predict_one(predictor, static_cast<uint32_t>(i), {});
  }
  // What others are predicted from, then what is predicted from several, then ratios of any of them.
  for (size_t i = 0; i < columns; ++i) {
    if (ready(i) && !is_sum(i) && plans[i].terms.empty()) predict_one(predictor, static_cast<uint32_t>(i), hints);
  }
  for (const SumHint& sum : hints.sums) {
    if (ready(sum.field)) predict_one(predictor, sum.field, hints);
  }
  for (size_t i = 0; i < columns; ++i) {
    if (ready(i)) predict_one(predictor, static_cast<uint32_t>(i), hints);
  }
  choose_gates(plans, order);
  for (const uint32_t column : order) {
    const Plan& plan = plans[column];
    for (const Term& term : plan.terms) plans[term.column].referred = true;
    if (plan.gate != kNoColumn) plans[plan.gate].referred = true;
    if (plan.whole != kNoColumn) plans[plan.whole].referred = true;
  }
}

void ChunkEncoder::State::predict_times(uint8_t unit) {
  time_plan.reset(ValueType::kInt64);
  time_plan.kind = kIntegers;
  time_plan.integers.resize(times.size());
  for (size_t row = 0; row < times.size(); ++row)
    time_plan.integers[row] = static_cast<uint64_t>(times[row] / kUnitsNs[unit]);
  make_differences(time_plan.integers, choose_order(time_plan.integers, small, false), small, time_plan.differences);
}

void ChunkEncoder::State::write_integers(Plan& plan) {
  const Differences& d = plan.differences;
  ByteWriter writer(data);
  const bool share = is_share(plan.form);
  uint8_t head = static_cast<uint8_t>(plan.form);
  if (plan.rest) head |= kRest;
  if (!plan.terms.empty()) head |= kHasTerms;
  if (plan.gate != kNoColumn) head |= kHasGate;
  if (!plan.exceptions.empty()) head |= kHasExceptions;
  if (d.unit != 1) head |= kHasUnit;
  writer.u8(head);
  const size_t second = data.size();
  writer.u8(0);
  if (plan.form == Form::kDivided) writer.varint(plan.divisor);
  if (share) writer.varint(plan.whole);
  if (!plan.terms.empty()) writer.varint(plan.terms.size());
  for (const Term& term : plan.terms) writer.varint(term.column << 1 | (term.negative ? 1 : 0));
  if (plan.gate != kNoColumn) writer.varint(plan.gate);
  if (d.unit != 1) writer.varint(d.unit);
  if (!plan.exceptions.empty()) writer.varint(plan.exceptions.size());
  uint32_t next = 0;
  for (const Exception& exception : plan.exceptions) {
    writer.varint(exception.row - next);
    writer.u64(exception.bits);
    next = exception.row + 1;
  }
  writer.svarint(static_cast<int64_t>(d.base));
  if (d.order == Order::kStep) writer.svarint(static_cast<int64_t>(d.step));
  std::span<const uint64_t> residuals = d.residuals;
  residuals = residuals.subspan(std::min<size_t>(settled_by(d.order), residuals.size()));
  if (plan.gate != kNoColumn) {
    const auto& gate = plans[plan.gate].changed;
    coded.clear();
    for (size_t row = settled_by(d.order); row < d.residuals.size(); ++row) {
      if ((gate[row / 64] >> (row % 64) & 1) != 0) coded.push_back(d.residuals[row]);
    }
    residuals = coded;
  }
  const Coder coder = encode_residuals(data, residuals, small);
  data[second] = static_cast<uint8_t>(static_cast<uint8_t>(d.order) | (d.is_signed ? kSigned : 0) |
                                      static_cast<uint8_t>(coder) << kCoderShift);
}

void ChunkEncoder::State::write_column(Plan& plan) {
  if (plan.is_constant()) write_constant(data, plan);
  if (plan.kind != kIntegers) return;
  const size_t start = data.size();
  write_integers(plan);
  if (data.size() - start < plan.values.size_bytes()) return;
  // Others may be predicted from its integers; else it is better off raw.
  if (plan.referred) return;
  data.resize(start);
  plan.kind = kRaw;
  write_raw(data, plan.values);
}

void ChunkEncoder::State::write(Bytes& out, ByteView key, uint8_t unit, std::span<const uint64_t> boots) {
  const size_t start = out.size();
  data.clear();
  write_integers(time_plan);
  const size_t times_bytes = data.size();
  write_boots(data, boots);
  const size_t boots_bytes = data.size() - times_bytes;
  for (size_t i = 0; i < bitmaps_used; ++i) write_bitmap(data, bitmaps[i]);
  lengths.clear();
  for (size_t i = 0; i < used; ++i) {
    const size_t before = data.size();
    write_column(plans[i]);
    lengths.push_back(static_cast<uint32_t>(data.size() - before));
  }
  ByteWriter writer(out);
  writer.u8(kChunkVersion);
  writer.varint(static_cast<uint32_t>(group));
  writer.varint(times.size());
  writer.varint(columns);
  writer.u8(static_cast<uint8_t>(unit | (used - columns) << 2 | (bitmaps_used > 0 ? 0x80 : 0)));
  writer.varint(times_bytes);
  writer.varint(boots_bytes);
  if (bitmaps_used > 0) writer.varint(bitmaps_used);
  for (size_t i = 0; i < used; ++i) {
    const Plan& plan = plans[i];
    const uint8_t mixed = plan.presence > 0 ? kMixed : 0;
    writer.u8(static_cast<uint8_t>((static_cast<uint8_t>(plan.type) - 1) | mixed | plan.kind << kKindShift));
    if (plan.presence > 0) writer.varint(plan.presence - 1);
    if (plan.kind == kIntegers || plan.kind == kRaw) writer.varint(lengths[i]);
  }
  writer.bytes(data);
  writer.u32(crc32c(ByteView(out).subspan(start), crc32c(key)));
}

ChunkEncoder::ChunkEncoder() : state_(std::make_unique<State>()) {}
ChunkEncoder::ChunkEncoder(ChunkEncoder&&) noexcept = default;
ChunkEncoder::~ChunkEncoder() = default;

void ChunkEncoder::encode(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end,
                          ChunkEffort effort) {
  const size_t count = end - begin;
  DF_ASSERT(begin < end && end <= rows.rows() && rows.columns.size() <= kChunkColumnsMax);
  DF_ASSERT(count <= chunk_rows_max(rows.columns.size()));
  State& state = *state_;
  state.times = {rows.times_ns.data() + begin, count};
  DF_ASSERT(std::ranges::adjacent_find(state.times, std::greater_equal<>{}) == state.times.end());
  state.group = group;
  state.small = effort == ChunkEffort::kSmall;
  state.take_columns(rows, begin, end);
  // A group's rollups have other columns.
  const bool known = is_catalogue_group(group) && rows.columns.size() == metrics_of(group).size();
  const GroupHints hints = known ? hints_of(group) : GroupHints{};
  state.choose_forms(hints);
  state.predict(hints);
  const uint8_t unit = coarsest_unit(state.times);
  state.predict_times(unit);
  state.write(out, key, unit, {rows.boots.data() + begin, count});
}

void encode_chunk(Bytes& out, ByteView key, GroupId group, const ColumnSet& rows, size_t begin, size_t end,
                  ChunkEffort effort) {
  ChunkEncoder().encode(out, key, group, rows, begin, end, effort);
}

}  // namespace dragonfly
