#include "live/head/vm_rows.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNearMs = int64_t{1} << 22;  // Half of what a header can tell, so that the base may move. 70 minutes.
// A buffer's step of growth: moving some kB now and then costs little, room for twice as much costs memory.
constexpr size_t kGrowth = 1024;
constexpr size_t kSeriesAtFirst = std::size(kCatalogueGroups);

}  // namespace

std::optional<uint16_t> VmRows::series_of(GroupId group, std::string_view device, size_t hint) {
  const auto fits = [&](const Series& series) { return series.group == group && series.device == device; };
  if (hint < series_.size() && fits(series_[hint])) return static_cast<uint16_t>(hint);
  const auto at = std::ranges::find_if(series_, fits);
  if (at != series_.end()) return static_cast<uint16_t>(at - series_.begin());
  if (series_.size() >= kSeriesMax) return std::nullopt;
  if (series_.size() == series_.capacity())
    series_.reserve(std::max(kSeriesAtFirst, series_.size() + series_.size() / 2));
  series_.push_back({group, std::string(device), INT64_MIN});
  return static_cast<uint16_t>(series_.size() - 1);
}

uint8_t VmRows::boot_index(uint64_t boot) {
  const auto at = std::ranges::find(boots_, boot);
  if (at != boots_.end()) return static_cast<uint8_t>(at - boots_.begin());
  if (boots_.size() >= kBootsMax) return UINT8_MAX;
  boots_.push_back(boot);
  return static_cast<uint8_t>(boots_.size() - 1);
}

bool VmRows::is_near(int64_t time_ns) const {
  const int64_t ms = time_ns / kNsPerMs;
  return ms * kNsPerMs == time_ns && ms >= 0 && ms - base_ms_ < kNearMs && base_ms_ - ms < kNearMs;
}

void VmRows::make_room(size_t bytes) {
  if (bytes_.capacity() - bytes_.size() >= bytes) return;
  bytes_.reserve(bytes_.size() + bytes + std::max(kGrowth, bytes_.size() / 8));
}

void VmRows::append(uint16_t series, Timestamp time, uint64_t boot, ByteView fields, LogPosition position) {
  DF_ASSERT(series < series_.size() && fields.size() <= UINT16_MAX);
  if (!unsealed_from_) unsealed_from_ = position;
  const int64_t ns = unix_ns(time);
  if (bytes_.empty()) base_ms_ = std::max<int64_t>(0, ns / kNsPerMs);
  const bool near = is_near(ns);
  const uint64_t head = (near ? series : series | kFar) | static_cast<uint64_t>(fields.size()) << 16 |
                        uint64_t{boot_index(boot)} << 32 | static_cast<uint64_t>(ns / kNsPerMs) << 40;
  const size_t header = kNearHeaderBytes + (near ? 0 : sizeof ns);
  make_room(header + fields.size());
  const size_t at = bytes_.size();
  bytes_.resize(at + header + fields.size());
  uint8_t* out = bytes_.data() + at;
  std::memcpy(out, &head, sizeof head);
  if (!near) std::memcpy(out + kNearHeaderBytes, &ns, sizeof ns);
  if (!fields.empty()) std::memcpy(out + header, fields.data(), fields.size());
  ++unsealed_rows_;
}

void VmRows::start_sealing() {
  DF_ASSERT(has_unsealed() && !sealing());
  sealing_from_ = unsealed_from_;
  unsealed_from_.reset();
  sealing_begin_ = sealed_until_;
  sealed_until_ = bytes_.size();
  sealing_rows_ = unsealed_rows_;
  unsealed_rows_ = 0;
}

void VmRows::finish_sealing(Timestamp keep_from) {
  DF_ASSERT(sealing());
  sealing_from_.reset();
  sealing_rows_ = 0;
  // Rows lie in order of arrival: the first that is young enough ends what can go.
  size_t drop = 0;
  while (drop < sealed_until_) {
    const Header header = header_at(drop);
    if (from_unix_ns(header.time_ns) >= keep_from) break;
    drop += header.bytes + header.length;
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(drop));
  sealed_until_ -= drop;
  recent_begin_ -= std::min(recent_begin_, drop);
  if (bytes_.empty()) boots_.clear();
  bytes_.shrink_to_fit();
  move_base();
}

// To the newest near row, unless another one would then be told wrong.
void VmRows::move_base() {
  int64_t oldest = INT64_MAX;
  int64_t newest = INT64_MIN;
  for (size_t at = 0; at < bytes_.size();) {
    const Header header = header_at(at);
    at += header.bytes + header.length;
    if (header.bytes != kNearHeaderBytes) continue;
    oldest = std::min(oldest, header.time_ns / kNsPerMs);
    newest = std::max(newest, header.time_ns / kNsPerMs);
  }
  if (oldest <= newest && newest - oldest < 2 * kNearMs) base_ms_ = newest;
}

void VmRows::abort_sealing() {
  DF_ASSERT(sealing());
  unsealed_from_ = sealing_from_;
  sealing_from_.reset();
  sealed_until_ = sealing_begin_;
  unsealed_rows_ += sealing_rows_;
  sealing_rows_ = 0;
}

}  // namespace dragonfly
