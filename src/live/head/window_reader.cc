// Reads no foreign bytes: rows were checked at the door.
#include "live/head/window_reader.h"

#include <condition_variable>
#include <mutex>

namespace dragonfly {

struct WindowReader::Gathering {
  std::mutex mutex;  // Shards answer on their own threads, perhaps when nobody waits any more.
  std::condition_variable changed;
  std::vector<Answer> answers;
  size_t waiting = 0;
};

// The parts of a shard, in tasks of at most kVmsPerTask VMs.
std::vector<std::vector<WindowReader::Part>> WindowReader::tasks_of(std::span<const std::vector<VmId>> sets,
                                                                    size_t shard) const {
  std::vector<std::vector<Part>> tasks;
  size_t room = 0;
  for (size_t set = 0; set < sets.size(); ++set) {
    bool is_new = true;
    for (const VmId vm : sets[set]) {
      const VmEntry* const entry = directory_.find_vm(vm);
      if (entry == nullptr || entry->shard.load(std::memory_order_relaxed) != shard) continue;
      if (room == 0) {
        tasks.emplace_back();
        room = kVmsPerTask;
        is_new = true;
      }
      if (is_new) tasks.back().push_back({set, {}});
      is_new = false;
      tasks.back().back().vms.push_back(vm);
      --room;
    }
  }
  return tasks;
}

std::vector<WindowReader::Answer> WindowReader::read(std::span<const std::vector<VmId>> sets, Duration window,
                                                     Duration timeout) const {
  const auto gathering = std::make_shared<Gathering>();
  gathering->answers.resize(sets.size());
  const Timestamp now = clock_.wall();
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    for (auto& parts : tasks_of(sets, shard)) {
      {
        const std::lock_guard lock(gathering->mutex);
        ++gathering->waiting;
        // Taken back by the answer.
        for (const Part& part : parts) gathering->answers[part.set].unanswered += part.vms.size();
      }
      const auto task = [gathering, head = shards_[shard].head, parts, now, window] {
        for (const Part& part : parts) {
          const WindowSummary summary = head->summarize(part.vms, now, window);
          const std::lock_guard lock(gathering->mutex);
          Answer& answer = gathering->answers[part.set];
          answer.window.add(summary);
          answer.unanswered -= part.vms.size();
        }
        const std::lock_guard lock(gathering->mutex);
        if (--gathering->waiting == 0) gathering->changed.notify_one();
      };
      if (shards_[shard].executor->post(task)) continue;
      const std::lock_guard lock(gathering->mutex);
      --gathering->waiting;
    }
  }
  std::unique_lock lock(gathering->mutex);
  gathering->changed.wait_for(lock, timeout, [&] { return gathering->waiting == 0; });
  return gathering->answers;
}

}  // namespace dragonfly
