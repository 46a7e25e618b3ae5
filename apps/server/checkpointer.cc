#include "checkpointer.h"

#include <algorithm>
#include <future>

#include "base/rt/worker_pool.h"

namespace dragonfly {
namespace {

// Runs `ask` on the shard's thread and waits; nullopt where the shard is too busy or stops.
template <class Answer, class Ask>
std::optional<Answer> ask_shard(Shard& shard, Ask ask) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  if (!shard.post([promise, ask] { promise->set_value(ask()); })) return std::nullopt;
  if (answer.wait_for(10s) != std::future_status::ready) return std::nullopt;
  return answer.get();
}

}  // namespace

void Checkpointer::start(Duration interval) {
  thread_ = std::jthread([this, interval](std::stop_token stop) {
    name_this_thread("checkpointer");
    std::mutex mutex;
    std::condition_variable_any sleep;
    std::unique_lock lock(mutex);
    while (!sleep.wait_for(lock, stop, interval, [&] { return stop.stop_requested(); })) {
      if (auto result = run_once(); !result) log_warning("checkpoint", "{}", result.error().message);
    }
  });
}

void Checkpointer::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Result<> Checkpointer::run_once() {
  const auto turn = hold();
  using Position = std::optional<LogPosition>;
  LogPosition needed = parts_.log.end();
  const auto take = [&](const std::optional<Position>& position) {
    if (!position) return false;
    if (*position && **position < needed) needed = **position;
    return true;
  };
  const Error busy{ErrorCode::kUnavailable, "a shard is too busy for a checkpoint; the next one tries again"};
  for (Shard* shard : parts_.shards) {
    if (!take(ask_shard<Position>(*shard, [shard] { return shard->oldest_in_flight(); }))) return fail(busy);
  }
  for (Shard* shard : parts_.shards) {
    if (!take(ask_shard<Position>(*shard, [shard] { return shard->head().oldest_unsealed(); }))) return fail(busy);
    const auto agents =
        ask_shard<std::vector<ChunkStore::Metadata>>(*shard, [shard] { return shard->changed_agents(); });
    if (!agents) return fail(busy);
    DF_TRY(parts_.store.put_metadata(*agents));
  }
  DF_TRY(parts_.directory.save_new(parts_.store));
  DF_TRY(parts_.store.checkpoint(needed));
  parts_.log.cut(needed);
  return {};
}

}  // namespace dragonfly
