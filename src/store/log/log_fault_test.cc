// Every file operation of a run fails, one after the other, once and for good, followed by a loss of power: what was
// acknowledged is there, what was refused is not, and the log always starts again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/rt/random.h"
#include "store/log/fault_files.h"
#include "store/log/log_testing.h"

namespace dragonfly {
namespace {

using Urgency = CommitLog::Urgency;

class Scenario {
 public:
  explicit Scenario(uint64_t seed) : random_(seed) {
    options_.directory = "/log";
    options_.sync_interval = 1ms;
    options_.segment_bytes_max = 250;
    options_.die = [this](std::string_view) { died_ = true; };
  }

  // Two lives with a fault somewhere in them, then a look without faults.
  void run(uint64_t n, ErrorCode code, bool persistent) {
    files_.fail_at(n, code, persistent);
    for (int life = 0; life < 2 && !died_; ++life) live(life);
    fired_ = files_.has_failed();
    files_.fail_at(0, code, false);
    files_.lose_power(random_);
    check(!persistent);
    died_ = false;
    files_.lose_power(random_);
    live(2);  // And it works again.
    files_.lose_power(random_);
    check(!persistent);
  }
  bool fired() const { return fired_; }

 private:
  void live(int life) {
    LogRun run(files_, clock_, options_);
    if (!run.opened() || !run.replay()) return;  // A service manager starts it again.
    run.log().start();
    for (int i = 0; i < 6 && !died_; ++i) {
      const std::string text = std::to_string(life) + "." + std::to_string(i);
      ASSERT_TRUE(run.submit(text + " first", Urgency::kBatch));
      ASSERT_TRUE(run.submit(text + " second", Urgency::kNow));
      run.outcomes.wait(text + " first");
      const bool dead = died_;
      run.outcomes.wait(text + " second");
      if (dead) {
        // Whatever comes after the failed sync is refused.
        ASSERT_TRUE(run.submit(text + " dead", Urgency::kNow));
        EXPECT_TRUE(run.outcomes.wait(text + " dead").error.has_value());
      }
    }
    run.log().stop();
    for (const auto& [text, outcome] : run.outcomes.all()) {
      if (!outcome.error.has_value())
        acknowledged_.push_back({text, outcome.begin});
      else if (!died_)  // A batch whose sync failed may be there or not.
        refused_.push_back(text);
    }
  }

  void check(bool refused_are_absent) {
    LogRun run(files_, clock_, options_);
    ASSERT_TRUE(run.opened() && run.replay());
    EXPECT_EQ(run.report.damaged_bytes, 0u);
    std::map<std::string, LogPosition> found;
    for (const auto& [text, at] : run.replayed) EXPECT_TRUE(found.emplace(text, at).second) << text << " twice";
    for (const auto& [text, at] : acknowledged_) {
      ASSERT_TRUE(found.contains(text)) << text << " was acknowledged and is lost";
      EXPECT_EQ(found[text], at) << text;
    }
    if (!refused_are_absent) return;
    for (const std::string& text : refused_) EXPECT_FALSE(found.contains(text)) << text << " was refused and is there";
  }

  FaultFiles files_;
  SystemClock clock_;
  SeededRandom random_;
  LogOptions options_;
  std::atomic<bool> died_ = false;
  bool fired_ = false;
  std::vector<std::pair<std::string, LogPosition>> acknowledged_;
  std::vector<std::string> refused_;
};

void fail_every_operation(ErrorCode code, bool persistent) {
  uint64_t n = 1;
  for (;; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    Scenario scenario(n);
    scenario.run(n, code, persistent);
    if (!scenario.fired() || testing::Test::HasFailure()) break;
  }
  EXPECT_GT(n, 30u);
}

TEST(LogFaultTest, EveryOperationFailsOnceWithAnInputOutputError) { fail_every_operation(ErrorCode::kIo, false); }
TEST(LogFaultTest, EveryOperationFailsOnceForSpace) { fail_every_operation(ErrorCode::kNoSpace, false); }
TEST(LogFaultTest, EveryOperationFailsForGoodWithAnInputOutputError) { fail_every_operation(ErrorCode::kIo, true); }
TEST(LogFaultTest, EveryOperationFailsForGoodForSpace) { fail_every_operation(ErrorCode::kNoSpace, true); }

}  // namespace
}  // namespace dragonfly
