// The log beside the bare system calls that it needs: one write and one fdatasync per batch, on the same disk.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "store/log/log_testing.h"

namespace dragonfly {
namespace {

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::current_path() / "df-log-bench-XXXXXX").string();
    DF_ASSERT(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Path path;
};

Bytes batch(int64_t bytes) { return batch_of({std::string(static_cast<size_t>(bytes) - kLogRecordHeaderBytes, 'x')}); }

void BM_WriteAndFdatasync(benchmark::State& state) {
  const Directory directory;
  const int file = ::open((directory.path / "bare").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const Bytes bytes = batch(state.range(0));
  for (auto _ : state) {
    if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) || ::fdatasync(file) != 0)
      state.SkipWithError("write or fdatasync failed");
  }
  ::close(file);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_WriteAndFdatasync)->Arg(1 << 10)->Arg(64 << 10)->Arg(1 << 20)->UseRealTime();

// A started log in a directory of its own.
struct EmptyLog {
  EmptyLog() : run(system_files(), clock, options()) {
    DF_ASSERT(run.opened() && run.replay());
    run.log().start();
  }
  Log* operator->() { return &run.log(); }
  LogOptions options() const {
    LogOptions out;
    out.directory = directory.path;
    return out;
  }
  const Directory directory;
  const SystemClock clock;
  LogRun run;
};

// One writer that waits for each batch.
void BM_LogCommitNow(benchmark::State& state) {
  EmptyLog log;
  const Bytes bytes = batch(state.range(0));
  for (auto _ : state) {
    std::promise<bool> done;
    DF_ASSERT(log->submit(bytes, CommitLog::Urgency::kNow,
                          [&](Result<Committed> result) { done.set_value(result.has_value()); }));
    if (!done.get_future().get()) state.SkipWithError("not committed");
    log->cut(log->end());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_LogCommitNow)->Arg(1 << 10)->Arg(64 << 10)->Arg(1 << 20)->UseRealTime();

// Many writers' batches share the syncs: until all 1000 of 1 KiB are durable.
void BM_LogCommitThousandBatches(benchmark::State& state) {
  EmptyLog log;
  const Bytes bytes = batch(1 << 10);
  for (auto _ : state) {
    std::promise<void> all;
    for (int i = 0; i < 1000; ++i) {
      CommitLog::Done done = [](const Result<Committed>&) {};
      if (i == 999) done = [&](const Result<Committed>&) { all.set_value(); };
      DF_ASSERT(log->submit(bytes, i == 999 ? CommitLog::Urgency::kNow : CommitLog::Urgency::kBatch, done));
    }
    all.get_future().get();
    log->cut(log->end());
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_LogCommitThousandBatches)->UseRealTime();

// What a restart does with 64 MiB, beside reading the file only.
void BM_Replay(benchmark::State& state) {
  const Directory directory;
  LogOptions options;
  options.directory = directory.path;
  options.segment_bytes_max = 16 << 20;
  const SystemClock clock;
  {
    LogRun run(system_files(), clock, options);
    DF_ASSERT(run.opened() && run.replay());
    run.log().start();
    const Bytes bytes = batch(600);
    for (int i = 0; i < (64 << 20) / 600; ++i)
      while (!run.log().submit(bytes, CommitLog::Urgency::kBatch, [](const Result<Committed>&) {})) ::usleep(100);
  }
  const bool whole = state.range(0) == 1;
  for (auto _ : state) {
    if (whole) {
      LogStats stats;
      const auto log = Log::open(system_files(), clock, options, stats);
      const auto report = (*log)->replay({}, [](const LogRecordReader::Record& record, LogPosition) {
        benchmark::DoNotOptimize(record.payload.data());
      });
      DF_ASSERT(report.has_value() && report->damaged_bytes == 0);
    } else {
      const auto names = system_files().list(directory.path);
      for (const std::string& name : *names)
        benchmark::DoNotOptimize(system_files().read_file(directory.path / name, 1 << 30)->data());
    }
  }
  state.SetBytesProcessed(state.iterations() * (64 << 20));
}
BENCHMARK(BM_Replay)->ArgName("decode")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dragonfly
