// Merging small chunks to hours: nothing is lost or doubled, whenever rows come and wherever it ends.
#include <gmock/gmock.h>

#include <fstream>

#include "store/tsdb/store_fixture.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kHour = 3600;

class ChunkDbMergeTest : public StoreFixture {
 protected:
  void open_with(MergeProbe probe) {
    merge_options.probe = std::move(probe);
    open();
  }

  // Names of the column families with rows, and how many chunks each has; closes the store.
  std::vector<std::string> families() {
    db.reset();
    std::vector<std::string> names;
    const std::string path = (directory / "store").string();
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const auto& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    EXPECT_TRUE(rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), path, descriptors, &handles, &raw).ok());
    const std::unique_ptr<rocksdb::DB> reader(raw);
    std::vector<std::string> out;
    for (auto* handle : handles) {
      size_t count = 0;
      const std::unique_ptr<rocksdb::Iterator> it(reader->NewIterator(rocksdb::ReadOptions(), handle));
      for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
      const auto name = parse_partition_name(handle->GetName());
      if (name && name->tier <= Tier::kRaw) out.push_back(fmt::format("{}: {}", handle->GetName(), count));
    }
    for (auto* handle : handles) reader->DestroyColumnFamilyHandle(handle);
    std::ranges::sort(out);
    return out;
  }

  // One value in field 0 of `vm`.
  static SealedRows one(uint32_t vm, int64_t at_s, double value, bool late = false) {
    SealedRows out{VmId{vm}, GroupId::kCpu, "", ColumnSet::for_group(GroupId::kCpu), late};
    add_row(out.rows, kStartNs + at_s * kSecondNs, 1, {Value::of(value)});
    return out;
  }
};

TEST_F(ChunkDbMergeTest, OneChunkASeriesAndHour) {
  open();
  // 07:10 to 09:10, a minute at a time; kStartNs is 07:10.
  for (int64_t minute = 0; minute < 120; ++minute)
    ASSERT_TRUE(
        append({cpu_rows(1, minute * 60, 60), cpu_rows(1, minute * 60, 60, "cpu0"), cpu_rows(2, minute * 60, 60)})
            .has_value());
  ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());
  EXPECT_THAT(families(), ElementsAre("fresh/491623: 150", "fresh/491624: 180", "fresh/491625: 30"));
  open();
  EXPECT_EQ(db->merge_all().value(), 3u);
  EXPECT_EQ(rows_of(1), cpu_rows(1, 0, 7200).rows);
  EXPECT_EQ(rows_of(2), cpu_rows(2, 0, 7200).rows);
  // Merged is durable.
  EXPECT_THAT(families(), ElementsAre("raw/491622: 9"));
  open();
  EXPECT_EQ(rows_of(1), cpu_rows(1, 0, 7200).rows);
  EXPECT_EQ(db->merge_all().value(), 0u);
  EXPECT_THAT(db->damage(), IsEmpty());
}

TEST_F(ChunkDbMergeTest, MergesWhatIsOver) {
  merge_options.settle = 5min;
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 60)}).has_value());
  const auto f = [&](Duration passed, size_t want) {
    clock.advance(passed);
    EXPECT_EQ(db->merge_due().value(), want);
  };
  f(50min, 0);  // 08:00
  f(4min + 59s, 0);
  f(1s, 1);
  f(1h, 0);
  // A late row: after the same time again, together with what comes with it.
  ASSERT_TRUE(append({one(1, 100, 5, true)}).has_value());
  f(4min, 0);
  ASSERT_TRUE(append({one(1, 101, 5, true)}).has_value());
  f(1min, 1);
  EXPECT_EQ(rows_of(1).rows(), 62u);
  EXPECT_THAT(families(), ElementsAre("raw/491622: 1"));
}

TEST_F(ChunkDbMergeTest, LateRowsReplaceTheChunkOfTheirHour) {
  open();
  ASSERT_TRUE(append({cpu_rows(1, 0, 60), cpu_rows(2, 0, 60)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  ASSERT_TRUE(append({one(1, 30, 777, true), one(1, -5, 1, true), one(1, 60, 2)}).has_value());
  const ColumnSet before = rows_of(1);
  EXPECT_EQ(before.rows(), 62u);
  EXPECT_EQ(before.columns[0].as_double(31), 777.0);
  EXPECT_EQ(before.columns[2].present[31], 1);  // Absent in the late row: stays.
  ASSERT_TRUE(db->merge_all().has_value());
  EXPECT_EQ(rows_of(1), before);
  EXPECT_THAT(families(), ElementsAre("raw/491622: 2"));
  open();
  EXPECT_EQ(rows_of(1), before);
  EXPECT_EQ(rows_of(2), cpu_rows(2, 0, 60).rows);
}

TEST_F(ChunkDbMergeTest, RowsThatComeMeanwhileWaitForTheNextMerge) {
  bool once = true;
  open_with([&](MergeStep step) {
    if (step == MergeStep::kFrozen && std::exchange(once, false)) {
      EXPECT_TRUE(append({one(1, 10, 99), one(3, 10, 3)}).has_value());
      EXPECT_EQ(rows_of(1).rows(), 60u);
    }
    return true;
  });
  ASSERT_TRUE(append({cpu_rows(1, 0, 60)}).has_value());
  EXPECT_EQ(db->merge_all().value(), 2u);  // Two rounds.
  EXPECT_EQ(rows_of(1).columns[0].as_double(10), 99.0);
  EXPECT_EQ(rows_of(3).rows(), 1u);
  EXPECT_THAT(families(), ElementsAre("raw/491622: 2"));
}

TEST_F(ChunkDbMergeTest, EndsAnywhereAndBeginsAgain) {
  // Enough series for several batches.
  const auto fill = [&] {
    std::vector<SealedRows> batch;
    for (uint32_t vm = 1; vm <= 150; ++vm) batch.push_back(cpu_rows(vm, 0, 200));
    EXPECT_TRUE(append(batch).has_value());
    EXPECT_TRUE(append({one(1, 30, 777)}).has_value());
    EXPECT_TRUE(db->checkpoint(LogPosition{1}).has_value());
  };
  for (const bool merged_before : {false, true}) {
    for (size_t end_at = 0;; ++end_at) {
      db.reset();
      fs::remove_all(directory / "store");
      open_with(nullptr);
      fill();
      if (merged_before) {
        ASSERT_TRUE(db->merge_all().has_value());
        ASSERT_TRUE(append({one(1, 31, 778, true), one(150, 500, 1, true)}).has_value());
        ASSERT_TRUE(db->checkpoint(LogPosition{2}).has_value());
      }
      const ColumnSet want = rows_of(1);
      const ColumnSet want_last = rows_of(150);
      size_t steps = 0;
      bool ended = false;
      open_with([&](MergeStep) { return !(ended = steps++ == end_at); });
      const bool merged = db->merge_all().has_value();
      EXPECT_EQ(merged, !ended);
      SCOPED_TRACE(fmt::format("ended at step {}, merged before: {}", end_at, merged_before));
      EXPECT_EQ(rows_of(1), want);
      if (!ended) {
        EXPECT_GE(end_at, merged_before ? 4u : 5u);
        break;
      }
      open_with(nullptr);  // What was not flushed is gone now.
      EXPECT_EQ(rows_of(1), want);
      EXPECT_EQ(rows_of(150), want_last);
      ASSERT_TRUE(db->merge_all().has_value());
      EXPECT_EQ(rows_of(1), want);
      EXPECT_EQ(rows_of(150), want_last);
      EXPECT_THAT(families(), ElementsAre("raw/491622: 150"));
      open();
      EXPECT_EQ(rows_of(1), want);
      EXPECT_EQ(rows_of(150), want_last);
    }
  }
}

TEST_F(ChunkDbMergeTest, AnEndedMergeIsTakenUpWhileTheStoreRuns) {
  bool end = true;
  open_with([&](MergeStep step) { return step != MergeStep::kWritten || !end; });
  ASSERT_TRUE(append({cpu_rows(1, 0, 60)}).has_value());
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(db->merge_all().has_value());
    ASSERT_TRUE(append({one(1, 60 + i, i)}).has_value());
  }
  EXPECT_EQ(rows_of(1).rows(), 65u);
  end = false;
  EXPECT_EQ(db->merge_all().value(), 2u);
  EXPECT_EQ(rows_of(1).rows(), 65u);
  EXPECT_THAT(families(), ElementsAre("raw/491622: 1"));
}

// Any order of rows, merges, checkpoints and ends against one sorted set.
TEST_F(ChunkDbMergeTest, AgreesWithOneSortedSet) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    db.reset();
    fs::remove_all(directory / "store");
    bool end = false;
    open_with([&](MergeStep) { return !end || random.below(4) != 0; });
    std::vector<ColumnSet> model(3, ColumnSet::for_group(GroupId::kCpu));
    std::vector<SealedRows> since_checkpoint;  // What a log would hold.
    for (int i = 0; i < 60; ++i) {
      switch (random.below(8)) {
        case 0:
          ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());
          since_checkpoint.clear();
          break;
        case 1: (void)db->merge_all(); break;
        case 2: {
          open();
          for (SealedRows rows : since_checkpoint) {
            rows.late = random.below(2) == 0;
            ASSERT_TRUE(append({rows}).has_value());
          }
          end = random.below(2) == 0;
          break;
        }
        default: {
          const auto vm = static_cast<uint32_t>(random.below(model.size()));
          SealedRows rows{VmId{vm + 1}, GroupId::kCpu, "", ColumnSet::for_group(GroupId::kCpu), random.below(2) == 0};
          const auto from = static_cast<int64_t>(random.below(4 * kHour));
          const auto count = static_cast<int64_t>(1 + random.below(30));
          for (int64_t row = 0; row < count; ++row) {
            std::vector<std::optional<Value>> values(3);
            for (auto& value : values) {
              if (random.below(3) != 0) value = Value::of(static_cast<double>(random.below(1000)));
            }
            add_row(rows.rows, kStartNs + (from + row * 60) * kSecondNs, 1, values);
          }
          model[vm].append_all(rows.rows);
          since_checkpoint.push_back(rows);
          ASSERT_TRUE(append({std::move(rows)}).has_value());
        }
      }
    }
    for (size_t vm = 0; vm < model.size(); ++vm) {
      model[vm].sort_and_merge();
      ColumnSet got = rows_of(static_cast<uint32_t>(vm + 1));
      if (got.columns.empty()) got = ColumnSet::for_group(GroupId::kCpu);
      EXPECT_EQ(got, model[vm]);
    }
  }
}

TEST_F(ChunkDbMergeTest, DamageCostsWhatIsDamaged) {
  open();
  for (int64_t minute = 0; minute < 20; ++minute) {
    std::vector<SealedRows> batch;
    for (uint32_t vm = 1; vm <= 20; ++vm) {
      batch.push_back(cpu_rows(vm, minute * 60, 60));
      batch.push_back(cpu_rows(vm, minute * 60, 60, "cpu0"));
    }
    ASSERT_TRUE(append(std::move(batch)).has_value());
  }
  ASSERT_TRUE(db->checkpoint(LogPosition{1}).has_value());
  db.reset();
  fs::copy(directory / "store", directory / "copy", fs::copy_options::recursive);
  fs::path victim;
  for (const auto& entry : fs::directory_iterator(directory / "copy")) {
    if (entry.path().extension() == ".sst" && fs::file_size(entry) > 100'000) victim = entry.path().filename();
  }
  const auto rows_served = [&] {
    size_t rows = 0;
    for (uint32_t vm = 1; vm <= 20; ++vm) {
      ReadRequest request = of_vms({VmId{vm}});
      request.devices = ReadRequest::Devices::kAll;
      const auto answer = read(request);
      for (const auto& series : answer.value().series) rows += series.rows.rows();
    }
    return rows;
  };
  constexpr size_t kAll = 20 * 2 * 20 * 60;
  const auto size = static_cast<double>(fs::file_size(directory / "copy" / victim));
  for (const double part : {0.0, 0.1, 0.5, 0.9}) {
    SCOPED_TRACE(fmt::format("at {}", part));
    db.reset();
    fs::remove_all(directory / "store");
    fs::copy(directory / "copy", directory / "store", fs::copy_options::recursive);
    {
      std::fstream file(directory / "store" / victim, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(size * part) + 500);
      file.write("damage", 6);
    }
    open();
    const auto merged = db->merge_all();
    ASSERT_TRUE(merged.has_value()) << merged.error().message;
    const size_t served = rows_served();
    EXPECT_LT(served, kAll);
    EXPECT_GT(served, kAll - 30 * 60);  // A block holds some twenty chunks of sixty rows.
    EXPECT_THAT(db->damage(), Not(IsEmpty()));
    open();  // The damaged files are gone with their family.
    EXPECT_EQ(rows_served(), served);
    EXPECT_THAT(db->damage(), IsEmpty());
  }
}

TEST_F(ChunkDbMergeTest, HoursThatWaitAreLimited) {
  open();
  for (size_t hour = 0; hour < Partitions::kFreshMax; ++hour)
    ASSERT_TRUE(append({one(1, static_cast<int64_t>(hour) * kHour, 1)}).has_value());
  const auto next = static_cast<int64_t>(Partitions::kFreshMax) * kHour;
  const auto refused = append({one(1, next, 1)});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(append({one(1, 5, 1)}).has_value());
  ASSERT_TRUE(db->merge_all().has_value());
  ASSERT_TRUE(append({one(1, next, 1)}).has_value());
  EXPECT_EQ(rows_of(1).rows(), Partitions::kFreshMax + 2);
}

TEST_F(ChunkDbMergeTest, ReadsSeeEverythingWhileItMerges) {
  open();
  for (int64_t hour = 0; hour < 6; ++hour)
    for (int64_t i = 0; i < 10; ++i) ASSERT_TRUE(append({cpu_rows(1, hour * kHour + i * 10, 10)}).has_value());
  std::atomic<bool> stop{false};
  std::atomic<size_t> reads{0};
  std::thread reader([&] {
    while (!stop) {
      EXPECT_EQ(rows_of(1).rows(), 600u);
      ++reads;
    }
  });
  for (int64_t round = 0; round < 10; ++round) {
    ASSERT_TRUE(db->merge_all().has_value());
    ASSERT_TRUE(
        append({one(1, round, static_cast<double>(round), true), one(1, 2 * kHour + round, 0, true)}).has_value());
  }
  while (reads < 3) std::this_thread::yield();
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace dragonfly
