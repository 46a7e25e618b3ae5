// VmRows: a VM's newest rows as compact bytes, one copy a row, oldest first.
//
//   entry := u16 series · u16 length of fields · u32 boot · i64 time ns · fields (model/row/row.h)
//
// The buffer has three parts: rows that the store has (kept for the real-time window), rows on their way to it, and rows
// not sealed yet. Sealing moves two offsets; no row is copied again.
//
// Units      ns, bytes.
// Ownership  owns the bytes. Views die at the next append() or trim().
// Threading  the shard's thread.
// Errors     append(): false when the VM has kSeriesMax series (the row is dropped by the caller, and counted).
// Limits     kSeriesMax series, kBootsMax boots remembered at a time (older ones count as unknown: no harm but a missed
//            restart in rows that are a restart old).
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/core/bytes.h"
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
  static constexpr size_t kEntryHeaderBytes = 16;
  uint32_t boot_index(uint64_t boot);
  template <class Visit>
  void walk(size_t begin, size_t end, Visit&& visit) const;
  std::vector<Series> series_;
  std::vector<uint64_t> boots_;
  Bytes bytes_;
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
    uint16_t length;
    int64_t time_ns;
    std::memcpy(&length, bytes_.data() + recent_begin_ + 2, sizeof length);
    std::memcpy(&time_ns, bytes_.data() + recent_begin_ + 8, sizeof time_ns);
    if (time_ns >= unix_ns(from)) break;
    recent_begin_ += kEntryHeaderBytes + length;
  }
  walk(recent_begin_, bytes_.size(), visit);
}

template <class Visit>
void VmRows::walk(size_t begin, size_t end, Visit&& visit) const {
  ByteReader in(ByteView(bytes_).subspan(begin, end - begin));
  while (in.remaining() > 0) {
    const uint16_t series = in.u16();
    const uint16_t length = in.u16();
    const uint32_t boot = in.u32();
    const auto time = static_cast<int64_t>(in.u64());
    visit(Entry{&series_[series], from_unix_ns(time), boot < boots_.size() ? boots_[boot] : 0, in.bytes(length)});
  }
}

}  // namespace dragonfly
