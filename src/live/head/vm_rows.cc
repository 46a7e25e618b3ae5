#include "live/head/vm_rows.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {

std::optional<uint16_t> VmRows::series_of(GroupId group, std::string_view device, size_t hint) {
  const auto fits = [&](const Series& series) { return series.group == group && series.device == device; };
  if (hint < series_.size() && fits(series_[hint])) return static_cast<uint16_t>(hint);
  const auto at = std::ranges::find_if(series_, fits);
  if (at != series_.end()) return static_cast<uint16_t>(at - series_.begin());
  if (series_.size() >= kSeriesMax) return std::nullopt;
  series_.push_back({group, std::string(device), INT64_MIN});
  return static_cast<uint16_t>(series_.size() - 1);
}

uint32_t VmRows::boot_index(uint64_t boot) {
  const auto at = std::ranges::find(boots_, boot);
  if (at != boots_.end()) return static_cast<uint32_t>(at - boots_.begin());
  if (boots_.size() >= kBootsMax) return UINT32_MAX;
  boots_.push_back(boot);
  return static_cast<uint32_t>(boots_.size() - 1);
}

void VmRows::append(uint16_t series, Timestamp time, uint64_t boot, ByteView fields, LogPosition position) {
  DF_ASSERT(series < series_.size() && fields.size() <= UINT16_MAX);
  if (!unsealed_from_) unsealed_from_ = position;
  const uint32_t boot_at = boot_index(boot);
  const auto length = static_cast<uint16_t>(fields.size());
  const int64_t ns = unix_ns(time);
  const size_t at = bytes_.size();
  bytes_.resize(at + kEntryHeaderBytes + fields.size());
  uint8_t* out = bytes_.data() + at;
  std::memcpy(out, &series, 2);
  std::memcpy(out + 2, &length, 2);
  std::memcpy(out + 4, &boot_at, 4);
  std::memcpy(out + 8, &ns, 8);
  if (!fields.empty()) std::memcpy(out + kEntryHeaderBytes, fields.data(), fields.size());
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
  ByteReader in(ByteView(bytes_).first(sealed_until_));
  size_t drop = 0;
  while (in.remaining() > 0) {
    in.u16();
    const uint16_t length = in.u16();
    in.u32();
    if (from_unix_ns(static_cast<int64_t>(in.u64())) >= keep_from) break;
    in.bytes(length);
    drop = sealed_until_ - in.remaining();
  }
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(drop));
  sealed_until_ -= drop;
  recent_begin_ -= std::min(recent_begin_, drop);
  if (bytes_.empty()) {
    boots_.clear();
    bytes_.shrink_to_fit();
  } else if (bytes_.capacity() > 4 * bytes_.size() + 4096) {
    bytes_.shrink_to_fit();
  }
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
