#include "store/tsdb/store_check.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include <algorithm>

#include "store/chunk/chunk_codec.h"
#include "store/tsdb/chunk_rows.h"
#include "store/tsdb/store_core.h"

namespace dragonfly {
namespace {

namespace fs = std::filesystem;

std::string key_text(const std::string& key) {
  const auto chunk = decode_chunk_key(key);
  return chunk ? chunk_text(*chunk) : fmt::format("'{}'", key.substr(0, 100));
}

class Checker {
 public:
  Checker(const fs::path& store, const CheckProgress& progress) : store_(store), progress_(progress) {}

  Result<StoreCheck> run() {
    std::error_code error;
    if (!fs::is_directory(store_, error)) return fail(ErrorCode::kNotFound, "{} is not there", store_.string());
    std::vector<std::pair<fs::path, uint64_t>> tables;
    uint64_t total = 0;
    for (fs::directory_iterator at(store_, error), end; !error && at != end; at.increment(error)) {
      if (at->path().extension() != ".sst") continue;
      tables.emplace_back(at->path(), at->file_size(error));
      total += tables.back().second;
    }
    if (error) return fail(ErrorCode::kIo, "cannot list {}: {}", store_.string(), error.message());
    std::ranges::sort(tables);
    check_contents();
    for (const auto& [path, bytes] : tables) {
      check_table(path);
      ++out_.files;
      out_.bytes += bytes;
      if (progress_) progress_(out_.bytes, total);
    }
    return std::move(out_);
  }

 private:
  void tell(std::string text) {
    ++out_.damaged;
    if (out_.damage.size() < StoreCheck::kDamageLinesMax) out_.damage.push_back(std::move(text));
  }

  // The table of contents, and that every file it names is there; also the marks among the metadata.
  void check_contents() {
    StoreOptions options;
    options.directory = store_;
    auto opened = open_store_read_only(options);
    if (!opened) return tell(opened.error().message);
    for (auto* family : opened->families) {
      if (family->GetName() == kMetaFamily) {
        std::string stored;
        const auto status = opened->db->Get(rocksdb::ReadOptions(), family, rocksdb::Slice(kLogBeginKey), &stored);
        const auto value = status.ok() ? open_meta_value(kLogBeginKey, stored) : std::nullopt;
        if (value && value->size() == 8) out_.log_begin = LogPosition{ByteReader(*value).u64()};
        if (status.IsNotFound()) out_.log_begin = LogPosition{0};
      }
      opened->db->DestroyColumnFamilyHandle(family);
    }
  }

  void check_table(const fs::path& path) {
    const std::string name = path.filename().string();
    rocksdb::SstFileReader reader{rocksdb::Options{}};
    if (const auto status = reader.Open(path.string()); !status.ok())
      return tell(fmt::format("{}: cannot be opened, all of it is lost: {}", name, status.ToString()));
    const std::string family = reader.GetTableProperties()->column_family_name;
    const bool is_meta = family == kMetaFamily;
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator(options));
    std::string last;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      last = it->key().ToString();
      check_entry(name, family, is_meta, last, it->value().ToStringView());
    }
    if (it->status().ok()) {
      // What no entry leads to: filters, properties, the index itself.
      if (const auto status = reader.VerifyChecksum(options); !status.ok())
        tell(fmt::format("{} ({}): {}", name, family, status.ToString()));
      return;
    }
    const std::string cause = it->status().ToString();
    std::string first;
    for (it->SeekToLast(); it->Valid() && it->key().ToStringView() > last; it->Prev()) {
      first = it->key().ToString();
      check_entry(name, family, is_meta, first, it->value().ToStringView());
    }
    tell(fmt::format("{} ({}): what lies {}{} cannot be read: {}", name, family,
                     last.empty() ? std::string("from its beginning") : "after " + key_text(last),
                     first.empty() ? std::string(" to its end") : " and before " + key_text(first), cause));
  }

  void check_entry(const std::string& file, const std::string& family, bool is_meta, const std::string& key,
                   std::string_view value) {
    if (is_meta) {
      ++out_.metadata;
      if (!open_meta_value(key, value)) tell(fmt::format("{} ({}): {} is damaged", file, family, key_text(key)));
      return;
    }
    const auto chunk = ChunkReader::open(as_bytes(key), as_bytes(value));
    if (!chunk || !decode_chunk_key(key))
      return tell(fmt::format("{} ({}): {} is damaged", file, family, key_text(key)));
    ++out_.chunks;
    out_.rows += chunk->rows();
  }

  const fs::path store_;
  const CheckProgress& progress_;
  StoreCheck out_;
};

}  // namespace

Result<StoreCheck> check_store(const fs::path& store, const CheckProgress& progress) {
  return Checker(store, progress).run();
}

}  // namespace dragonfly
