// HeadReader: the SeriesReader over the heads of all shards.
//
// Units      ns.
// Ownership  borrows directory, shards and workers; they outlive it and every read that is under way.
// Threading  read(), read_rollups(): any thread. The shard copies bytes, a worker decodes them; `done` runs on that
//            worker.
// Errors     kResourceExhausted when the copies have more than rows_max rows, naming the limit; kUnavailable when a shard
//            or the workers take nothing more.
// Limits     rows_max of the request.
#pragma once

#include <functional>
#include <vector>

#include "live/head/head.h"

namespace dragonfly {

class HeadReader final : public SeriesReader {
 public:
  struct Shard {
    Executor* executor;
    const Head* head;
  };
  HeadReader(Directory& directory, std::vector<Shard> shards, Executor& workers)
      : directory_(directory), shards_(std::move(shards)), workers_(workers) {}
  void read(ReadRequest request, Done done) override;
  // Heads have no rollups: the hours for which they have rows that the store has not are uncovered, and with counters the
  // hours after, as far as a row tells what a counter was before the next.
  void read_rollups(RollupRequest request, RollupDone done) override;

 private:
  struct Gathering;
  using Copies = std::vector<Head::CopiedSeries>;
  // `done` runs on a worker, or on the thread of whoever refused.
  void gather(ReadRequest request, VmRows::Part part, std::function<void(const ReadRequest&, Result<Copies>)> done);

  Directory& directory_;
  const std::vector<Shard> shards_;
  Executor& workers_;
};

}  // namespace dragonfly
