// Head: the newest rows of one shard's VMs, until the store has them and for the real-time window.
//
// Units      ns, bytes.
// Ownership  owns the rows; borrows directory, store, executor, hub and stats, which outlive it.
// Threading  every call is made on the shard's thread; the store's answers come back through `shard`.
// Errors     none: what reaches a head was checked at the door. Rows that find no place are dropped and counted.
// Limits     a VM's rows are sealed after seal_after_min..+seal_spread or at vm_bytes_max; late rows after late_after.
//            From half of not_stored_max bytes on they are sealed 8 times as early; at all of it, where the head is full,
//            32 times.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/rt/executor.h"
#include "live/head/head_stats.h"
#include "live/head/vm_rows.h"
#include "live/stream/stream_hub.h"
#include "model/flow/chunk_store.h"
#include "model/flow/head.h"
#include "model/flow/series_reader.h"
#include "model/rollup/window.h"

namespace dragonfly {

// Columns for a group: the catalogue's, or those of a custom measurement.
ColumnSet columns_for(Directory& directory, GroupId group);

struct HeadOptions {
  Duration keep = 10s;            // Rows of this age are in the head even when the store has them.
  Duration seal_after_min = 30s;  // Since the first row that the store does not have …
  Duration seal_spread = 30s;     // … plus a share of this by the VM's id, so that a fleet is not sealed at once.
  size_t vm_bytes_max = 64 * 1024;
  Duration late_after = 10s;
  size_t not_stored_max = size_t{1} << 30;
};

class Head final : public ShardHead {
 public:
  Head(const HeadOptions& options, Directory& directory, ChunkStore& store, Executor& shard, StreamHub& hub,
       HeadStats& stats);
  ~Head() override;

  void apply(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary, LogPosition position) override;
  void restore(const RowsRecord& record, VmEntry& vm, const KnownDictionary* dictionary, LogPosition position) override;
  void fetch_vm(const VmEntry& vm) const override;
  void fetch_rows(const VmEntry& vm) const override;
  void tick(MonotonicTime now) override;
  std::optional<LogPosition> oldest_unsealed() const override;
  bool is_full() const override { return not_stored_bytes_ >= options_.not_stored_max; }
  size_t not_stored_bytes() const { return not_stored_bytes_; }

  // The rows of one series as they lie here, for a reader that decodes them on its own thread.
  struct CopiedSeries {
    VmId vm = VmId::kNone;
    std::string device;
    Bytes entries;  // u16 length · u64 boot · u64 time ns · fields, repeated; in order of arrival, late rows last.
  };
  // Only what `request` asks for of `vms`. Adds the number of rows to `rows`; stops, incomplete, beyond rows_max.
  std::vector<CopiedSeries> copy(const ReadRequest& request, const std::vector<VmId>& vms, VmRows::Part part,
                                 size_t& rows) const;

  // What these VMs' rows of the `window` that ends now say; of the server's wall clock `now`, each VM's own is made. Rows
  // of one time count as one, the one that came last. Takes some µs a VM: the caller bounds how many it asks for at once.
  WindowSummary summarize(std::span<const VmId> vms, Timestamp now, Duration window);

  size_t vm_count() const { return order_.size(); }
  // How long rows stay when they are sealed, from the next seal on.
  void set_keep(Duration keep) { options_.keep = keep; }
  size_t memory_bytes() const;

 private:
  struct VmHead;
  VmHead& head_of(VmEntry& vm);
  VmHead* find_head(VmId vm) const;
  template <class Take>
  void visit_rows(const RowsRecord& record, const KnownDictionary* dictionary, Take&& take);
  void take_row(VmHead& head, const RowView& row, std::string_view device, uint64_t boot, LogPosition position,
                size_t hint);
  void append(VmHead& head, uint16_t series, const RowView& row, uint64_t boot, LogPosition position);
  // Keeps not_stored_bytes_ while `change` changes what waits in `rows`.
  template <class Change>
  void change(VmRows& rows, Change&& change);
  bool seal_is_due(const VmHead& head, MonotonicTime now) const;
  void start_seal(VmHead& head, std::vector<SealedRows>& batch);
  void start_late_seal(VmHead& head);
  void send(std::vector<SealedRows> batch, std::vector<VmHead*> heads);
  std::vector<SealedRows> columns_of(const VmHead& head);
  ColumnSet empty_columns(GroupId group);
  void keep_memory(std::vector<SealedRows>& batch);

  void read_window(VmHead& head, TimeRange range);

  HeadOptions options_;
  Directory& directory_;
  ChunkStore& store_;
  Executor& shard_;
  StreamHub& hub_;
  HeadStats& stats_;
  std::vector<std::unique_ptr<VmHead>> heads_;  // Index = VM id; null where another shard has the VM.
  // For their memory: a series has a hundred vectors. By group, from 1.
  std::array<std::vector<ColumnSet>, std::size(kCatalogueGroups) + 1> spare_columns_;
  size_t not_stored_bytes_ = 0;  // Of all VMs, late rows too.
  std::vector<VmHead*> order_;   // In order of arrival; tick() walks it round and round.
  size_t next_in_order_ = 0;
  MonotonicTime now_{};
  VmWindow window_;  // Of the VM at hand.
  struct WindowRow {
    GroupId group;
    Timestamp time;
    uint64_t boot;
    ByteView fields;
  };
  std::vector<WindowRow> window_rows_;
  // A store's answer may come when the head is gone (a stop in between): the answer then does nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dragonfly
