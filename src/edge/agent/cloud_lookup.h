// CloudLookup: asks the metadata service of the cloud that this machine may be in, beside the agent's own work.
//
// Units      monotonic ns.
// Ownership  a look-up runs on a thread of its own that shares its result only; it is left behind at the end, because
//            connects cannot be interrupted.
// Threading  one thread calls; one short-lived thread a look-up (std::mutex: its result).
// Errors     none: who does not answer is asked again a few times, then no more.
// Limits     kTries look-ups, kTryEvery apart; kRequestWithin for each step of a request, kCloudAnswerBytesMax an answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/core/time.h"
#include "base/net/endpoint.h"
#include "edge/agent/cloud_answers.h"

namespace dragonfly {

class CloudLookup {
 public:
  static constexpr int kTries = 5;
  static constexpr Duration kTryEvery = 30s;
  static constexpr Duration kRequestWithin = 1s;

  // `metadata`: "none", "auto" (the clouds' own addresses, where the firmware's names below `root` are a virtual
  // machine's), or the address of all.
  CloudLookup(const std::string& metadata, const std::string& root);
  ~CloudLookup();
  CloudLookup(const CloudLookup&) = delete;
  CloudLookup& operator=(const CloudLookup&) = delete;

  // Starts a look-up where one is due; its result, once.
  std::optional<CloudPlace> update(MonotonicTime now);
  // Whether update() has something to wait for.
  bool running() const { return running_ != nullptr; }

 private:
  struct Shared;
  std::optional<Endpoint> most_;  // Where all but Alibaba's answer.
  std::optional<Endpoint> alibaba_;
  int tries_left_ = 0;
  std::optional<MonotonicTime> started_;
  std::shared_ptr<Shared> running_;
};

// One round, in the calling thread, as a CloudLookup would ask.
std::optional<CloudPlace> look_up_cloud(const std::string& metadata, const std::string& root);
// One round, in the calling thread.
std::optional<CloudPlace> ask_clouds(const Endpoint& most, const Endpoint& alibaba);

}  // namespace dragonfly
