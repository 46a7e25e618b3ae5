#include "store/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "base/core/crc32c.h"
#include "store/log/fault_files.h"
#include "store/log/log_testing.h"

namespace dragonfly {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Urgency = CommitLog::Urgency;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    options_.directory = "/log";
    options_.sync_interval = 5ms;
    options_.die = [this](std::string_view what) { died_ = what; };
  }
  std::unique_ptr<LogRun> start(LogPosition from = {}) {
    auto run = std::make_unique<LogRun>(files_, clock_, options_);
    DF_ASSERT(run->opened() && run->replay(from));
    run->log().start();
    return run;
  }
  std::vector<std::string> segments() const {
    std::vector<std::string> out;
    for (const auto& [name, content] : files_.snapshot()) out.push_back(name);
    return out;
  }

  FaultFiles files_;
  SystemClock clock_;
  LogOptions options_;
  std::string died_;
};

TEST_F(LogTest, ReplaysWhatWasCommittedInOrder) {
  std::vector<std::pair<std::string, LogPosition>> expected;
  for (int life = 0; life < 3; ++life) {
    auto run = start();
    EXPECT_EQ(run->replayed, expected);
    EXPECT_THAT(run->report.notes, IsEmpty());
    for (int i = 0; i < 20; ++i) {
      const std::string text = std::to_string(life) + "." + std::to_string(i);
      const LogPosition lower = run->log().end();
      const auto outcome = run->commit(text);
      ASSERT_FALSE(outcome.error.has_value());
      EXPECT_GE(outcome.begin, lower);
      EXPECT_GT(run->log().end(), outcome.begin);
      expected.emplace_back(text, outcome.begin);
    }
  }
  EXPECT_EQ(start()->replayed, expected);
}

TEST_F(LogTest, BatchesOfManyThreadsKeepTheirOrderAndWaitTogether) {
  options_.sync_interval = 50ms;
  auto run = start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&run, t] {
      for (int i = 0; i < 500; ++i) {
        const bool last = i == 499;
        EXPECT_TRUE(run->submit(std::to_string(t) + "." + std::to_string(i), last ? Urgency::kNow : Urgency::kBatch));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  run->log().stop();
  const auto order = run->outcomes.order();
  EXPECT_THAT(order, SizeIs(2000));
  int next[4] = {};
  for (const std::string& text : order) EXPECT_EQ(std::stoi(text.substr(2)), next[text[0] - '0']++) << text;
  EXPECT_LT(run->stats.groups.value(), 1000u);
  EXPECT_EQ(run->stats.batches.value(), 2000u);
  EXPECT_EQ(run->stats.queue_bytes.value(), 0);
  EXPECT_EQ(start()->texts(), order);
}

TEST_F(LogTest, ABatchIsHandedBackUnchangedAtItsPosition) {
  auto run = start();
  const Bytes records = batch_of({"one", "two"});
  std::promise<Result<Committed>> promise;
  ASSERT_TRUE(run->log().submit(records, Urgency::kNow, [&](Result<Committed> done) { promise.set_value(done); }));
  const Result<Committed> done = promise.get_future().get();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->records, records);
  run->log().stop();
  auto again = start();
  ASSERT_THAT(again->replayed, SizeIs(2));
  EXPECT_EQ(again->replayed[0].second, done->begin);
  EXPECT_EQ(again->replayed[1].second, done->begin + batch_of({"one"}).size());
}

TEST_F(LogTest, TheQueueIsBoundedInBytes) {
  options_.queue_bytes_max = batch_of({"0123456789"}).size() * 3;
  options_.sync_interval = 1h;
  auto run = start();
  EXPECT_TRUE(run->submit("0123456780", Urgency::kBatch));
  EXPECT_TRUE(run->submit("0123456781", Urgency::kBatch));
  EXPECT_TRUE(run->submit("0123456782", Urgency::kBatch));
  EXPECT_FALSE(run->submit("x", Urgency::kBatch));
  EXPECT_EQ(run->stats.refused.value(), 1u);
  EXPECT_EQ(run->stats.queue_bytes.value(), static_cast<int64_t>(options_.queue_bytes_max));
  EXPECT_THAT(run->outcomes.order(), IsEmpty());
  run->log().stop();  // Commits what waits.
  EXPECT_THAT(run->outcomes.order(), ElementsAre("0123456780", "0123456781", "0123456782"));
  EXPECT_FALSE(run->submit("late"));
}

TEST_F(LogTest, TakesNothingBeforeItStarts) {
  LogRun run(files_, clock_, options_);
  ASSERT_TRUE(run.replay());
  EXPECT_FALSE(run.submit("early"));
}

TEST_F(LogTest, NewSegmentsAndCut) {
  options_.segment_bytes_max = 300;
  LogPosition middle{};
  {
    auto run = start();
    for (int i = 0; i < 40; ++i) {
      const auto outcome = run->commit("batch " + std::to_string(i));
      if (i == 20) middle = outcome.begin;
    }
    const size_t before = segments().size();
    EXPECT_GT(before, 3u);
    EXPECT_EQ(run->stats.segments.value(), static_cast<int64_t>(before));
    int64_t bytes = 0;
    for (const auto& [name, content] : files_.snapshot()) bytes += static_cast<int64_t>(content.size());
    EXPECT_EQ(run->stats.disk_bytes.value(), bytes);
    run->log().cut(LogPosition{0});
    EXPECT_EQ(segments().size(), before);
    run->log().cut(middle);
    EXPECT_LT(segments().size(), before);
    EXPECT_EQ(run->commit("behind the cut").error, std::nullopt);
  }
  auto run = start(middle);
  ASSERT_THAT(run->replayed, SizeIs(21));
  EXPECT_EQ(run->replayed.front().first, "batch 20");
  EXPECT_EQ(run->replayed.front().second, middle);
  EXPECT_EQ(run->report.damaged_bytes, 0u);
  // The newest stays, so that the position is not forgotten.
  run->log().cut(LogPosition{UINT64_MAX});
  EXPECT_THAT(segments(), SizeIs(1));
  const LogPosition end = run->log().end();
  run.reset();
  EXPECT_GE(start()->report.end, end);
}

TEST_F(LogTest, SegmentsBeforeTheCursorAreNotRead) {
  options_.segment_bytes_max = 200;
  LogPosition last{};
  {
    auto run = start();
    for (int i = 0; i < 20; ++i) last = run->commit("batch " + std::to_string(i)).begin;
  }
  auto run = start(last);
  EXPECT_EQ(run->texts(), std::vector<std::string>{"batch 19"});
  EXPECT_LT(run->report.bytes, 500u);
  int64_t bytes = 0;
  for (const auto& [name, content] : files_.snapshot()) bytes += static_cast<int64_t>(content.size());
  EXPECT_EQ(run->stats.disk_bytes.value(), bytes);
}

TEST_F(LogTest, GoesOnBehindACursorThatIsAheadOfIt) {
  start()->commit("one");
  auto run = start(LogPosition{1'000'000});
  EXPECT_THAT(run->replayed, IsEmpty());
  EXPECT_GE(run->commit("two").begin, LogPosition{1'000'000});
  run.reset();
  EXPECT_THAT(start(LogPosition{1'000'000})->texts(), ElementsAre("two"));
}

TEST_F(LogTest, ATornEndIsCutAndNeverAppendedTo) {
  {
    auto run = start();
    for (int i = 0; i < 3; ++i) run->commit("batch " + std::to_string(i));
  }
  const auto good = files_.snapshot();
  ASSERT_THAT(good, SizeIs(1));
  const auto& [name, content] = *good.begin();
  // A group that the crash cut off at every byte, behind good ones. The last mark of a clean stop is part of the tail.
  Bytes more = content;
  append_log_mark(more, LogPosition{content.size() - kSegmentHeaderBytes});
  const Bytes group = batch_of({"unfinished"});
  more.insert(more.end(), group.begin(), group.end());
  for (size_t size = content.size(); size < more.size(); ++size) {
    files_.put(options_.directory / name, Bytes(more.begin(), more.begin() + static_cast<ptrdiff_t>(size)));
    {
      auto run = start();
      EXPECT_THAT(run->texts(), ElementsAre("batch 0", "batch 1", "batch 2")) << size;
      EXPECT_EQ(run->report.damaged_bytes, 0u);
      EXPECT_EQ(run->commit("after").error, std::nullopt);
    }
    EXPECT_THAT(segments(), SizeIs(2)) << size;
    auto run = start();
    EXPECT_THAT(run->texts(), ElementsAre("batch 0", "batch 1", "batch 2", "after")) << size;
    EXPECT_EQ(run->report.damaged_bytes + run->report.torn_bytes, 0u) << size;
    run.reset();
    for (const auto& [other, bytes] : files_.snapshot()) (void)files_.remove(options_.directory / other);
  }
}

TEST_F(LogTest, AFileThatACrashLeftWithoutContent) {
  const LogPosition end = [&] {
    auto run = start();
    run->commit("one");
    run->log().stop();
    return run->log().end();
  }();
  Bytes header;
  append_segment_header(header, end);
  for (size_t size = 0; size <= header.size(); ++size) {
    files_.put(options_.directory / segment_name(end),
               Bytes(header.begin(), header.begin() + static_cast<ptrdiff_t>(size)));
    auto run = start();
    EXPECT_THAT(run->texts(), ElementsAre("one"));
    EXPECT_THAT(run->report.notes, IsEmpty());
    EXPECT_EQ(run->report.end, end);
  }
  start()->commit("two");
  EXPECT_THAT(start()->texts(), ElementsAre("one", "two"));
  EXPECT_THAT(segments(), SizeIs(2));
}

TEST_F(LogTest, DamageCostsItselfIsReportedAndSetAside) {
  options_.segment_bytes_max = 1;  // One group a segment.
  {
    auto run = start();
    for (int i = 0; i < 3; ++i) run->commit("batch " + std::to_string(i));
  }
  auto damaged = *std::next(files_.snapshot().begin());
  damaged.second.back() ^= 1;
  files_.put(options_.directory / damaged.first, damaged.second);
  {
    auto run = start();
    EXPECT_THAT(run->texts(), ElementsAre("batch 0", "batch 2"));
    EXPECT_EQ(run->report.damaged_bytes, batch_of({"batch 1"}).size());
    EXPECT_EQ(run->stats.damaged_bytes.value(), run->report.damaged_bytes);
    ASSERT_THAT(run->report.notes, SizeIs(2));
    EXPECT_THAT(run->report.notes[0], HasSubstr(damaged.first + ": 16 bytes are damaged and lost"));
    EXPECT_EQ(files_.snapshot().at(damaged.first + ".damaged"), damaged.second);
    EXPECT_EQ(run->commit("batch 3").error, std::nullopt);
  }
  auto run = start();
  EXPECT_THAT(run->texts(), ElementsAre("batch 0", "batch 2", "batch 3"));
  EXPECT_THAT(run->report.notes, SizeIs(1));  // One copy is enough.
}

TEST_F(LogTest, AnyFlippedBitOfAFileLeavesTheOtherFilesAndTheStart) {
  options_.segment_bytes_max = 1;
  for (int i = 0; i < 3; ++i) start()->commit("batch " + std::to_string(i));
  const auto good = files_.snapshot();
  for (const auto& [name, content] : good) {
    for (size_t bit = 0; bit < content.size() * 8; ++bit) {
      Bytes flipped = content;
      flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      files_.put(options_.directory / name, flipped);
      auto run = start();
      for (const auto& [other, bytes] : good) {
        if (other == name) continue;
        const std::string text = "batch " + std::to_string(std::distance(good.begin(), good.find(other)));
        EXPECT_THAT(run->texts(), testing::Contains(text)) << name << " bit " << bit;
      }
      // Told as damage, but for the mark of the clean stop at the very end, which looks unfinished and holds nothing.
      EXPECT_TRUE(!run->report.notes.empty() || run->report.torn_bytes == kLogMarkBytes) << name << " bit " << bit;
    }
    files_.put(options_.directory / name, content);
  }
}

TEST_F(LogTest, ALaterVersionIsLeftAlone) {
  start()->commit("one");
  Bytes file = files_.snapshot().begin()->second;
  file[8] = 2;
  const uint32_t sum = crc32c(ByteView(file).first(20));
  std::memcpy(file.data() + 20, &sum, 4);
  files_.put(options_.directory / segment_name({}), file);
  {
    auto run = start();
    EXPECT_THAT(run->replayed, IsEmpty());
    EXPECT_THAT(run->report.notes, ElementsAre(HasSubstr("later version")));
    run->commit("two");
  }
  EXPECT_EQ(files_.snapshot().at(segment_name({})), file);
  EXPECT_THAT(start()->texts(), ElementsAre("two"));
}

TEST_F(LogTest, AFullDiskRefusesAndRecoversByItself) {
  auto run = start();
  EXPECT_EQ(run->commit("before").error, std::nullopt);
  files_.set_space(files_.snapshot().begin()->second.size() + kLogMarkBytes + 5);
  EXPECT_EQ(run->commit("full 1").error, ErrorCode::kNoSpace);
  EXPECT_EQ(run->stats.refusing.value(), 1);
  EXPECT_EQ(run->commit("full 2").error, ErrorCode::kNoSpace);
  EXPECT_EQ(run->stats.failed.value(), 2u);
  EXPECT_EQ(run->stats.queue_bytes.value(), 0);
  files_.set_space(UINT64_MAX);
  EXPECT_EQ(run->commit("after").error, std::nullopt);
  EXPECT_EQ(run->stats.refusing.value(), 0);
  run.reset();
  EXPECT_THAT(start()->texts(), ElementsAre("before", "after"));
  EXPECT_EQ(died_, "");
}

TEST_F(LogTest, StartsOnAFullDisk) {
  start()->commit("before");
  files_.set_space(0);
  auto run = start();
  EXPECT_THAT(run->texts(), ElementsAre("before"));
  EXPECT_EQ(run->commit("full").error, ErrorCode::kNoSpace);
  files_.set_space(UINT64_MAX);
  EXPECT_EQ(run->commit("after").error, std::nullopt);
  run.reset();
  EXPECT_THAT(start()->texts(), ElementsAre("before", "after"));
}

TEST_F(LogTest, AtItsDiskBudgetItRefusesUntilItIsCut) {
  options_.segment_bytes_max = 100;
  options_.disk_bytes_max = 1000;
  auto run = start();
  LogPosition last{};
  int committed = 0;
  for (;;) {
    const auto outcome = run->commit("batch " + std::to_string(committed));
    if (outcome.error.has_value()) {
      EXPECT_EQ(*outcome.error, ErrorCode::kNoSpace);
      break;
    }
    last = outcome.begin;
    ASSERT_LT(++committed, 100);
  }
  EXPECT_LE(run->stats.disk_bytes.value(), 1000);
  EXPECT_GT(run->stats.disk_bytes.value(), 900);
  run->log().cut(last);
  EXPECT_EQ(run->commit("after").error, std::nullopt);
}

TEST_F(LogTest, AfterAFailedSyncNothingIsAcknowledged) {
  auto run = start();
  EXPECT_EQ(run->commit("one").error, std::nullopt);
  files_.fail_at(2, ErrorCode::kIo, false);  // Append, sync.
  EXPECT_EQ(run->commit("two").error, ErrorCode::kIo);
  EXPECT_THAT(died_, HasSubstr("sync"));
  EXPECT_EQ(run->commit("three").error, ErrorCode::kIo);
}

TEST_F(LogTest, MetricsAreWritten) {
  auto run = start();
  run->commit("one");
  MetricsRegistry registry;
  const auto registration = run->stats.register_metrics(registry);
  const std::string text = registry.render();
  EXPECT_THAT(text, HasSubstr("dragonfly_log_batches_total 1\n"));
  EXPECT_THAT(text, HasSubstr("dragonfly_log_sync_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("dragonfly_log_refusing 0\n"));
}

// A real process on a real disk, killed while it commits: every batch that it saw acknowledged is there, in order.
[[noreturn]] void commit_until_killed(const Path& directory, int acks, uint64_t first) {
  LogOptions options;
  options.directory = directory;
  options.segment_bytes_max = 20'000;
  const SystemClock clock;
  LogStats stats;
  auto log = Log::open(system_files(), clock, options, stats);
  if (!log.has_value() || !(*log)->replay({}, [](const auto&, LogPosition) {}).has_value()) ::_exit(1);
  (*log)->start();
  for (uint64_t i = first;; ++i) {
    const std::string text = std::to_string(i);
    while (!(*log)->submit(batch_of({text, std::string(i % 700, 'x')}), i % 16 == 0 ? Urgency::kNow : Urgency::kBatch,
                           [acks, i](Result<Committed> done) {
                             if (done.has_value()) (void)!::write(acks, &i, sizeof i);
                           }))
      ::usleep(100);
  }
}

TEST(LogKillTest, EveryAcknowledgedBatchSurvivesKill9) {
  std::string name = (std::filesystem::temp_directory_path() / "df-log-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const Path directory = name;
  SeededRandom random(1);
  uint64_t acknowledged = 0;
  uint64_t next = 1;
  for (int round = 0; round < 8; ++round) {
    int acks[2];
    ASSERT_EQ(::pipe(acks), 0);
    const pid_t child = ::fork();
    if (child == 0) commit_until_killed(directory, acks[1], next);
    ::close(acks[1]);
    const uint64_t wanted = 1 + random.below(1500);
    uint64_t ack = 0;
    for (uint64_t i = 0; i < wanted && ::read(acks[0], &ack, sizeof ack) == sizeof ack; ++i) acknowledged = ack;
    ::kill(child, SIGKILL);
    while (::read(acks[0], &ack, sizeof ack) == sizeof ack) acknowledged = ack;
    ::close(acks[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    LogOptions options;
    options.directory = directory;
    const SystemClock clock;
    LogRun run(system_files(), clock, options);
    ASSERT_TRUE(run.opened() && run.replay());
    EXPECT_EQ(run.report.damaged_bytes, 0u);
    uint64_t seen = 0;
    for (const std::string& text : run.texts()) {
      if (text.empty() || text[0] == 'x') continue;
      EXPECT_EQ(std::stoull(text), ++seen);  // None is missing, none comes twice.
    }
    EXPECT_GE(seen, acknowledged);
    next = seen + 1;
  }
  EXPECT_GT(acknowledged, 0u);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace dragonfly
