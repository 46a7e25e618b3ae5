// VmRows: a VM's newest rows as compact bytes, one copy a row, oldest first.
//
//   entry := u16 series, + 8000h where far · u16 length of fields · u8 boot · u24 the time's ms, the low bits ·
//            i64 time ns where far · fields (model/row/row.h)
//
// Of a fleet these bytes are most of what the server holds. So an entry's time is the one next to a base that follows
// the rows, and far only where that is not exact; and the buffer grows by little.
//
// The buffer has three parts: rows that the store has (kept for the real-time window), rows on their way to it, and rows
// not sealed yet. Sealing moves two offsets; no row is decoded again.
//
// Units      ns, bytes.
// Ownership  owns the bytes. Views die at the next append() or finish_sealing().
// Threading  the shard's thread.
// Errors     series_of(): nothing when the VM has kSeriesMax series (the row is dropped by the caller, and counted).
// Limits     kSeriesMax series, kBootsMax boots remembered at a time (older ones count as unknown: no harm but a missed
//            restart in rows that are a restart old).
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
#include "base/core/fetch.h"
#include "model/flow/log_record.h"
#include "model/row/row.h"

namespace dragonfly {

class VmRows {
 public:
  static constexpr size_t kSeriesMax = 4096;
  static constexpr size_t kBootsMax = 64;

  struct Series {
    GroupId group;
    std::string device;
    int64_t newest_ns;
  };
  struct Entry {
    const Series* series;
    Timestamp time;
    uint64_t boot;
    ByteView fields;
  };

  // Finds or makes; nullopt at the limit. `hint`: where to look first (rows of a tick come in one order).
  std::optional<uint16_t> series_of(GroupId group, std::string_view device, size_t hint);
  Series& series(uint16_t index) { return series_[index]; }
  const std::vector<Series>& all_series() const { return series_; }

  void append(uint16_t series, Timestamp time, uint64_t boot, ByteView fields, LogPosition position);

  // Asks for the memory that the next append() will need.
  void fetch_end() const {
    fetch_bytes(series_.data(), series_.size() * sizeof(Series));
    fetch_bytes(bytes_.data() + bytes_.size(), 256);
  }
  bool has_unsealed() const { return sealed_until_ < bytes_.size(); }
  size_t unsealed_bytes() const { return bytes_.size() - sealed_until_; }
  // Unsealed or on their way.
  size_t not_stored_bytes() const { return bytes_.size() - (sealing() ? sealing_begin_ : sealed_until_); }
  size_t unsealed_rows() const { return unsealed_rows_; }
  bool sealing() const { return sealing_from_.has_value(); }
  // Everything unsealed is on its way now. Requires has_unsealed() and !sealing().
  void start_sealing();
  // It arrived: drops what is older than `keep_from`, and remembers nothing of the rest but the bytes.
  void finish_sealing(Timestamp keep_from);
  // It did not: it counts as unsealed again.
  void abort_sealing();
  // Log position of the oldest row that the store does not have.
  std::optional<LogPosition> oldest_position() const { return sealing() ? sealing_from_ : unsealed_from_; }

  enum class Part { kAll, kSealing, kNotStored };  // The last: what the store is not known to have.
  template <class Visit>
  void visit(Part part, Visit&& visit) const;
  // Those not older than `from`, and perhaps some that are. Where `from` only grows between calls nothing is walked twice
  // to find where they begin.
  template <class Visit>
  void visit_since(Timestamp from, Visit&& visit);
  size_t memory_bytes() const { return bytes_.capacity() + series_.capacity() * sizeof(Series); }

 private:
  struct Header {
    size_t bytes;  // Of the header itself.
    size_t series;
    size_t length;
    uint8_t boot;
    int64_t time_ns;
  };
  static constexpr size_t kNearHeaderBytes = 8;
  static constexpr uint16_t kFar = 0x8000;
  static_assert(kSeriesMax <= kFar);
  uint8_t boot_index(uint64_t boot);
  Header header_at(size_t at) const;
  bool is_near(int64_t time_ns) const;
  void make_room(size_t bytes);
  void move_base();
  template <class Visit>
  void walk(size_t begin, size_t end, Visit&& visit) const;
  std::vector<Series> series_;
  std::vector<uint64_t> boots_;
  Bytes bytes_;
  int64_t base_ms_ = 0;
  size_t sealing_begin_ = 0;  // [sealing_begin_, sealed_until_) is on its way while sealing().
  size_t sealed_until_ = 0;
  size_t recent_begin_ = 0;  // All before it is older than recent_from_.
  Timestamp recent_from_ = Timestamp::min();
  size_t unsealed_rows_ = 0;
  size_t sealing_rows_ = 0;
  std::optional<LogPosition> sealing_from_;
  std::optional<LogPosition> unsealed_from_;
};

template <class Visit>
void VmRows::visit(Part part, Visit&& visit) const {
  size_t begin = 0;
  if (part != Part::kAll) begin = part == Part::kSealing || sealing() ? sealing_begin_ : sealed_until_;
  walk(begin, part == Part::kSealing ? sealed_until_ : bytes_.size(), visit);
}

template <class Visit>
void VmRows::visit_since(Timestamp from, Visit&& visit) {
  if (from < recent_from_) recent_begin_ = 0;
  recent_from_ = from;
  while (recent_begin_ < bytes_.size()) {
    const Header header = header_at(recent_begin_);
    if (header.time_ns >= unix_ns(from)) break;
    recent_begin_ += header.bytes + header.length;
  }
  walk(recent_begin_, bytes_.size(), visit);
}

template <class Visit>
void VmRows::walk(size_t begin, size_t end, Visit&& visit) const {
  for (size_t at = begin; at < end;) {
    const Header header = header_at(at);
    visit(Entry{&series_[header.series], from_unix_ns(header.time_ns),
                header.boot < boots_.size() ? boots_[header.boot] : 0,
                ByteView(bytes_).subspan(at + header.bytes, header.length)});
    at += header.bytes + header.length;
  }
}

inline VmRows::Header VmRows::header_at(size_t at) const {
  uint64_t word;
  std::memcpy(&word, bytes_.data() + at, sizeof word);
  const auto series = static_cast<uint16_t>(word);
  Header out{kNearHeaderBytes, series & ~size_t{kFar}, static_cast<uint16_t>(word >> 16),
             static_cast<uint8_t>(word >> 32), 0};
  if ((series & kFar) != 0) {
    out.bytes += sizeof out.time_ns;
    std::memcpy(&out.time_ns, bytes_.data() + at + kNearHeaderBytes, sizeof out.time_ns);
    return out;
  }
  // The low 24 bits' distance from the base's, with its sign.
  const auto low = static_cast<uint32_t>(word >> 40) - static_cast<uint32_t>(base_ms_);
  out.time_ns = (base_ms_ + (static_cast<int32_t>(low << 8) >> 8)) * 1'000'000;
  return out;
}

}  // namespace dragonfly
