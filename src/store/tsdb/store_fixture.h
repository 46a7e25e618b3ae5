// A real store in a directory of its own, for the store's tests.
//
// Units      times in ns.
// Ownership  owns the directory, the threads and the store.
// Threading  one test, one thread.
// Errors     fail the test.
// Limits     none.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>

#include "base/rt/worker_pool.h"
#include "store/chunk/sample_rows.h"
#include "store/tsdb/chunk_db.h"

namespace dragonfly {

inline constexpr int64_t kSecondNs = 1'000'000'000;
inline const int64_t kStartNs = unix_ns(parse_rfc3339("2026-01-31T07:10:00Z").value());

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "df_store_XXXXXX").string();
    directory = mkdtemp(pattern.data());
  }
  ~StoreFixture() override {
    db.reset();
    std::filesystem::remove_all(directory);
  }

  void open() {
    db.reset();
    auto opened = ChunkDb::open({.directory = directory.string(), .merge = merge_options}, pool, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    db = std::move(*opened);
  }

  Result<SealOutcome> append(std::vector<SealedRows> batch) {
    std::promise<Result<SealOutcome>> promise;
    const auto answer = [&](Result<SealOutcome> outcome, const auto&) { promise.set_value(std::move(outcome)); };
    if (!db->append(std::move(batch), answer)) return fail(ErrorCode::kUnavailable, "queue is full");
    return promise.get_future().get();
  }

  Result<> put(std::string key, std::string_view value) {
    const ChunkStore::Metadata entry{std::move(key), Bytes(value.begin(), value.end())};
    return db->put_metadata({&entry, 1});
  }

  Result<ReadAnswer> read(ReadRequest request) {
    std::promise<Result<ReadAnswer>> promise;
    db->read(std::move(request), [&](Result<ReadAnswer> answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }

  static ReadRequest of_vms(std::vector<VmId> vms) {
    ReadRequest out;
    out.vms = std::move(vms);
    out.range = everything();
    return out;
  }
  // [begin_s, end_s) after kStartNs.
  static TimeRange between(int64_t begin_s, int64_t end_s) {
    return {from_unix_ns(kStartNs + begin_s * kSecondNs), from_unix_ns(kStartNs + end_s * kSecondNs)};
  }

  // Rows of the VM itself, all of them.
  ColumnSet rows_of(uint32_t vm, GroupId group = GroupId::kCpu) {
    ReadRequest request = of_vms({VmId{vm}});
    request.group = group;
    const auto answer = read(request);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    if (!answer || answer->series.empty()) return ColumnSet{};
    return answer->series[0].rows;
  }

  static TimeRange everything() {
    return {from_unix_ns(kStartNs - 1000 * 3600 * kSecondNs), from_unix_ns(kStartNs + 1000 * 3600 * kSecondNs)};
  }

  // One row a second from `from_s` (after kStartNs) on, cpu_utilization = its second.
  static SealedRows cpu_rows(uint32_t vm, int64_t from_s, int64_t count, std::string device = {}) {
    SealedRows out{VmId{vm}, GroupId::kCpu, std::move(device), ColumnSet::for_group(GroupId::kCpu), false};
    for (int64_t i = from_s; i < from_s + count; ++i)
      add_row(out.rows, kStartNs + i * kSecondNs, 1,
              {Value::of(static_cast<double>(i)), std::nullopt, Value::of(0.123 * static_cast<double>(i))});
    return out;
  }

  std::filesystem::path directory;
  ManualClock clock{from_unix_ns(kStartNs)};
  WorkerPool pool{"test", 2, 64};
  MergeOptions merge_options{.background = false};
  std::unique_ptr<ChunkDb> db;
};

}  // namespace dragonfly
