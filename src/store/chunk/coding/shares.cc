#include "store/chunk/coding/shares.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace dragonfly::chunk {
namespace {

using Columns = std::span<const std::span<const uint64_t>>;

// With more ticks than hundredths a share says nothing that its hundredths do not say.
constexpr uint64_t kTicksOfHundredthsMax = 9'000;
constexpr uint64_t kDenominatorMax = uint64_t{1} << 22;

// A row in the making: k of each column for one N.
struct Row {
  std::vector<uint64_t> bits;
  std::vector<uint64_t> parts;
};

bool fits(Form form, uint64_t whole, Row& row) {
  uint64_t sum = 0;
  for (size_t i = 0; i < row.bits.size(); ++i) {
    const double share = std::bit_cast<double>(row.bits[i]);
    const auto k = static_cast<uint64_t>(share * static_cast<double>(whole) / 100.0 + 0.5);
    if (share_bits(form, false, k, whole) != row.bits[i]) return false;
    row.parts[i] = k;
    sum += k;
  }
  return sum == whole;
}

// The fitting N nearest to what is expected: where a row leaves the choice, N should not change.
bool find_near(Form form, uint64_t expected, Row& row, uint64_t& whole) {
  const uint64_t reach = std::max<uint64_t>(3, expected / 50);
  for (uint64_t away = 0; away <= reach; ++away) {
    whole = expected + away;
    if (fits(form, whole, row)) return true;
    if (away == 0 || away >= expected) continue;
    whole = expected - away;
    if (fits(form, whole, row)) return true;
  }
  return false;
}

// Doubles as the division left them tell N, but for a factor.
uint64_t least_whole(const Row& row) {
  uint64_t out = 1;
  for (const uint64_t bits : row.bits) {
    const double share = std::bit_cast<double>(bits);
    if (share == 0 || share == 100) continue;
    const auto fraction = fraction_of(share, 100.0, kDenominatorMax);
    if (!fraction) return 0;
    out = std::lcm(out, fraction->q);
    if (out > kDenominatorMax) return 0;
  }
  return out;
}

void take_row(Columns columns, size_t at, Row& row) {
  for (size_t i = 0; i < columns.size(); ++i) row.bits[i] = columns[i][at];
}

bool in_range(const Row& row) {
  return std::ranges::all_of(row.bits, [](uint64_t bits) {
    const double share = std::bit_cast<double>(bits);
    return share >= 0 && share <= 100;
  });
}

void keep_row(size_t at, uint64_t whole, const Row& row, Shares& out) {
  out.wholes[at] = whole;
  for (size_t i = 0; i < row.parts.size(); ++i) out.parts[i][at] = row.parts[i];
}

// A row that does not fit: the nearest shares, which become exceptions.
void keep_misfit(size_t at, uint64_t whole, Row& row, Shares& out) {
  for (size_t i = 0; i < row.bits.size(); ++i) {
    const double share = std::bit_cast<double>(row.bits[i]);
    row.parts[i] =
        share >= 0 && share <= 100 ? static_cast<uint64_t>(share * static_cast<double>(whole) / 100.0 + 0.5) : 0;
  }
  keep_row(at, whole, row, out);
}

// How many rows fit, up to one more misfit than there may be.
size_t fit_hundredths(Columns columns, Form form, uint64_t ticks, size_t misfits_max, Row& row, Shares& out) {
  out.form = form;
  size_t misfits = 0;
  for (size_t at = 0; at < out.wholes.size() && misfits <= misfits_max; ++at) {
    take_row(columns, at, row);
    uint64_t whole = ticks;
    if (in_range(row) && find_near(form, ticks, row, whole)) {
      keep_row(at, whole, row, out);
    } else {
      ++misfits;
      keep_misfit(at, ticks, row, out);
    }
  }
  return misfits;
}

bool fit_doubles(Columns columns, size_t misfits_max, Row& row, Shares& out) {
  out.form = Form::kShare;
  uint64_t largest = 1;
  size_t misfits = 0;
  for (size_t at = 0; at < out.wholes.size(); ++at) {
    take_row(columns, at, row);
    out.wholes[at] = in_range(row) ? least_whole(row) : 0;
    largest = std::max(largest, out.wholes[at]);
    if (out.wholes[at] == 0 && ++misfits > misfits_max) return false;
  }
  for (size_t at = 0; at < out.wholes.size(); ++at) {
    take_row(columns, at, row);
    const uint64_t least = out.wholes[at];
    const uint64_t whole = least == 0 ? largest : std::max<uint64_t>(1, (largest + least / 2) / least) * least;
    if (least > 0 && fits(Form::kShare, whole, row)) {
      keep_row(at, whole, row, out);
      continue;
    }
    if (least == 0 || ++misfits <= misfits_max) {
      keep_misfit(at, whole, row, out);
      continue;
    }
    return false;
  }
  return true;
}

bool are_hundredths(std::span<const uint64_t> column) {
  size_t misfits = 0;
  for (const uint64_t bits : column) {
    const double share = std::bit_cast<double>(bits);
    if (std::floor(share * 100.0 + 0.5) / 100.0 != share && ++misfits > column.size() / 16) return false;
  }
  return true;
}

}  // namespace

bool find_shares(Columns columns, uint64_t ticks, Shares& out) {
  const size_t rows = columns[0].size();
  const size_t misfits_max = rows / 16;
  out.wholes.assign(rows, 0);
  out.parts.resize(columns.size());
  for (auto& part : out.parts) part.assign(rows, 0);
  Row row{std::vector<uint64_t>(columns.size()), std::vector<uint64_t>(columns.size())};
  if (!std::ranges::all_of(columns, are_hundredths)) return fit_doubles(columns, misfits_max, row, out);
  if (ticks == 0 || ticks > kTicksOfHundredthsMax) return false;
  const size_t misfits = fit_hundredths(columns, Form::kShareHundredths, ticks, misfits_max, row, out);
  if (misfits == 0) return true;
  const size_t floored = fit_hundredths(columns, Form::kShareFloored, ticks, misfits_max, row, out);
  if (floored < misfits) return floored <= misfits_max;
  return misfits <= misfits_max &&
         fit_hundredths(columns, Form::kShareHundredths, ticks, misfits_max, row, out) == misfits;
}

}  // namespace dragonfly::chunk
