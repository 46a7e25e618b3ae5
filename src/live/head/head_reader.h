// HeadReader: the SeriesReader over the heads of all shards.
//
// Units      ns.
// Ownership  borrows directory, shards and workers; they outlive it and every read that is under way.
// Threading  read(): any thread. The shard copies bytes, a worker decodes them; `done` runs on that worker.
// Errors     kResourceExhausted when the copies have more than rows_max rows, naming the limit; kUnavailable when a shard
//            or the workers take nothing more.
// Limits     rows_max of the request.
#pragma once

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

 private:
  Directory& directory_;
  const std::vector<Shard> shards_;
  Executor& workers_;
};

}  // namespace dragonfly
