// VM: who a row belongs to. A VM is (namespace, MCIS, VM id): the same VM id in two namespaces is two VMs.
//
// Units      times in ns; monotonic ones since boot.
// Ownership  a VmEntry lives as long as the Directory; pointers to it stay valid.
// Threading  identity and id are constant; the atomics are written by the VM's shard and read by anybody.
// Errors     none.
// Limits     names as base/core/names.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace dragonfly {

enum class VmId : uint32_t { kNone = 0 };  // Assigned at first sight, from 1, durable, never reused.

struct VmIdentity {
  std::string ns = "default";
  std::string mcis;
  std::string vm;
  auto operator<=>(const VmIdentity&) const = default;
};

struct VmEntry {
  VmEntry(VmId vm_id, VmIdentity vm_identity) : id(vm_id), identity(std::move(vm_identity)) {}
  const VmId id;
  const VmIdentity identity;
  std::atomic<uint32_t> shard{~uint32_t{0}};  // Who owns its head; set once, by the first shard that takes a row.
  std::atomic<uint64_t> agent_id{0};          // Of its native agent; 0 = rows come by dialects only.
  std::atomic<uint32_t> agent_shard{0};       // Where that agent's association lives.
  std::atomic<uint32_t> interval_ms{0};       // The agent's tick; 0 = not known.
  std::atomic<int64_t> last_arrival_ns{0};    // Monotonic; 0 = not since this process started.
  std::atomic<int64_t> last_row_ns{0};        // Newest row, in the VM's clock; 0 = none.
  std::atomic<int64_t> clock_offset_ns{0};    // VM's clock minus the server's.
  std::atomic<uint64_t> dictionary_id{0};     // Newest: holds its labels.
  std::atomic<int64_t> agent_heard_ns{0};     // Monotonic: its native agent, whose rows are taken; 0 = not yet.
  std::atomic<int64_t> duplicate_ns{0};       // Monotonic: its agent's id was heard from several machines; 0 = never.
  std::atomic<bool> durable{false};           // Its VmRecord is in the log or the store.
};

}  // namespace dragonfly
