// `cb-dragonfly export` and `import`: through a running server, or one that is started for it.
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <future>

#include "base/rt/clock.h"
#include "data_commands.h"
#include "data_directory.h"
#include "local_server.h"
#include "progress.h"
#include "run.h"
#include "surface/cli/http_client.h"

namespace dragonfly {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;  // Of an import; whole lines.
constexpr uint64_t kStateBytesMax = 4096;
constexpr int kAttempts = 60;
constexpr Duration kPause = 1s;

void wait_a_little() {
  std::promise<void> pause;
  (void)pause.get_future().wait_for(kPause);
}

class OpenFile {
 public:
  OpenFile(const std::string& path, const char* mode) : file_(std::fopen(path.c_str(), mode)) {}
  ~OpenFile() {
    if (file_ != nullptr) std::fclose(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  std::FILE* get() const { return file_; }

 private:
  std::FILE* file_;
};

// What was done before, beside the file: "BYTES TEXT". It counts only where the text (what was asked) is the same.
struct State {
  uint64_t bytes = 0;
  std::string cursor;
};

std::optional<State> read_state(const Path& path, std::string_view asked) {
  const auto file = system_files().read_file(path, kStateBytesMax);
  if (!file) return std::nullopt;
  std::string_view text = as_text(*file);
  State out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.bytes);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  const size_t space = text.find(' ');
  if (space == text.npos || text.substr(space + 1) != asked) return std::nullopt;
  out.cursor = text.substr(0, space);
  return out;
}

Result<> write_state(const Path& path, const State& state, std::string_view asked) {
  return system_files().replace_file(path, as_bytes(fmt::format("{} {} {}", state.bytes, state.cursor, asked)));
}

// The last line of a page: "# next CURSOR" or {"next":"CURSOR"}; at the end "end".
struct PageEnd {
  bool known = false;
  std::string cursor;  // Empty: it was the last page.
};

PageEnd take_page_end(std::string& page) {
  PageEnd out;
  if (page.size() < 2 || page.back() != '\n') return out;
  const size_t newline = page.rfind('\n', page.size() - 2);
  const size_t start = newline == page.npos ? 0 : newline + 1;
  std::string line = page.substr(start, page.size() - 1 - start);
  page.resize(start);
  for (const std::string_view prefix : {"# next ", "{\"next\":\""}) {
    if (!line.starts_with(prefix)) continue;
    out.known = true;
    out.cursor = line.substr(prefix.size());
    out.cursor.resize(std::min(out.cursor.find_first_of("\"}"), out.cursor.size()));
  }
  out.known = out.known || line.starts_with("# end") || line.starts_with("{\"end\"");
  return out;
}

class Export {
 public:
  Export(LocalServer& server, const DataCommand& command) : server_(server), command_(command) {
    asked_ = "/api/v1/export?format=" + url_encoded(command.format.empty() ? "lines" : command.format);
    for (const auto& [name, value] : command.query) asked_ += "&" + name + "=" + url_encoded(value);
  }

  Result<> run() {
    const bool to_file = command_.to != "-";
    const Path part = command_.to + ".part";
    const Path state_path = part.string() + ".state";
    State state;
    if (to_file) {
      std::error_code error;
      if (std::filesystem::exists(command_.to, error))
        return fail(ErrorCode::kAlreadyExists, "--to {}: it is there already", command_.to);
      if (const auto before = read_state(state_path, asked_)) {
        state = *before;
        std::filesystem::resize_file(part, state.bytes, error);
        if (error) state = {};
      }
    }
    const OpenFile file(to_file ? part.string() : "/dev/stdout", state.bytes > 0 ? "ab" : "wb");
    if (file.get() == nullptr)
      return fail(ErrorCode::kIo, "cannot write {}", to_file ? part.string() : "standard output");
    DF_TRY(pages(file.get(), to_file ? state_path : Path(), state));
    if (!to_file) return {};
    std::error_code error;
    std::filesystem::rename(part, command_.to, error);
    if (error) return fail(ErrorCode::kIo, "cannot rename {} to {}: {}", part.string(), command_.to, error.message());
    return system_files().remove(state_path);
  }
  uint64_t missing() const { return missing_; }

 private:
  Result<> pages(std::FILE* out, const Path& state_path, State state) {
    Progress progress("export");
    int64_t first_hour = 0;
    while (true) {
      auto page = page_after(state.cursor);
      if (!page) return fail(page.error());
      const PageEnd end = take_page_end(*page);
      if (!end.known) return fail(ErrorCode::kCorruption, "{}: a page without its end", server_.url());
      for (size_t at = page->find("missing"); at != page->npos; at = page->find("missing", at + 1))
        missing_ += page->compare(at - 2, 2, "# ") == 0 || page->compare(at - 2, 2, "{\"") == 0 ? 1 : 0;
      if (std::fwrite(page->data(), 1, page->size(), out) != page->size() || std::fflush(out) != 0)
        return fail(ErrorCode::kIo, "cannot write all of it: {}", std::generic_category().message(errno));
      if (end.cursor.empty()) return {};
      state.bytes += page->size();
      state.cursor = end.cursor;
      if (!state_path.empty()) {
        if (::fsync(::fileno(out)) != 0) return fail(ErrorCode::kIo, "cannot sync the file");
        DF_TRY(write_state(state_path, state, asked_));
      }
      // Hours are done one after the other, up to the present one.
      const int64_t hour = std::atoll(state.cursor.c_str());
      if (first_hour == 0) first_hour = hour;
      const int64_t now = unix_ms(SystemClock().wall()) / 3'600'000;
      progress.show(static_cast<uint64_t>(hour - first_hour),
                    static_cast<uint64_t>(std::max<int64_t>(1, now + 1 - first_hour)));
    }
  }

  Result<std::string> page_after(const std::string& cursor) {
    for (int attempt = 1;; ++attempt) {
      auto page = server_.get(asked_ + (cursor.empty() ? "" : "&cursor=" + url_encoded(cursor)));
      if (page || page.error().code == ErrorCode::kInvalidArgument || attempt == kAttempts) return page;
      wait_a_little();
    }
  }

  LocalServer& server_;
  const DataCommand& command_;
  std::string asked_;
  uint64_t missing_ = 0;
};

class Import {
 public:
  Import(LocalServer& server, const DataCommand& command) : server_(server), from_(command.from) {}

  Result<> run() {
    const bool from_file = from_ != "-";
    const Path state_path = from_ + ".import-state";
    State state;
    std::error_code error;
    const uint64_t total = from_file ? std::filesystem::file_size(from_, error) : 0;
    const OpenFile file(from_file ? from_ : "/dev/stdin", "rb");
    if (file.get() == nullptr || error) return fail(ErrorCode::kNotFound, "--from {}: it cannot be read", from_);
    const std::string asked = fmt::format("import of {} bytes to {}", total, server_.url());
    if (from_file) {
      if (const auto before = read_state(state_path, asked); before && before->bytes <= total) state = *before;
      if (::fseeko(file.get(), static_cast<off_t>(state.bytes), SEEK_SET) != 0)
        return fail(ErrorCode::kIo, "--from {}: it cannot be read", from_);
    }
    Progress progress("import");
    std::string batch;
    while (read_batch(file.get(), batch)) {
      if (auto sent = send(batch); !sent)
        return fail(sent.error().code, "{}\n(the batch that begins at byte {} of {})", sent.error().message,
                    state.bytes, from_);
      state.bytes += batch.size();
      state.cursor = "-";
      if (from_file) DF_TRY(write_state(state_path, state, asked));
      progress.show(state.bytes, total);
    }
    bytes_ = state.bytes;
    return from_file ? system_files().remove(state_path) : Result<>();
  }
  uint64_t bytes() const { return bytes_; }

 private:
  // Whole lines, at least one; false at the end.
  bool read_batch(std::FILE* file, std::string& batch) {
    batch = std::move(rest_);
    rest_.clear();
    std::string block(kBatchBytes, '\0');
    while (true) {
      const size_t got = std::fread(block.data(), 1, block.size(), file);
      batch.append(block, 0, got);
      if (got == 0) return !batch.empty();
      const size_t newline = batch.rfind('\n');
      if (newline == batch.npos) continue;
      rest_ = batch.substr(newline + 1);
      batch.resize(newline + 1);
      return true;
    }
  }

  Result<> send(const std::string& batch) {
    // Which of the two formats of an export it is.
    const size_t first = batch.find_first_not_of(" \t\r\n");
    const bool ndjson = first != std::string::npos && batch[first] == '{';
    for (int attempt = 1;; ++attempt) {
      const auto sent = server_.post("/write?exact=true&precision=ns", batch,
                                     ndjson ? "application/x-ndjson" : "text/plain; charset=utf-8");
      if (sent) return {};
      if (sent.error().code == ErrorCode::kInvalidArgument || attempt == kAttempts) return fail(sent.error());
      wait_a_little();  // Busy, or its disk is full.
    }
  }

  LocalServer& server_;
  const std::string from_;
  std::string rest_;
  uint64_t bytes_ = 0;
};

// `work` with the server that --server names, that runs on the data, or that is started for it alone.
int with_server(const ServerOptions& options, std::string_view name, const std::function<int(LocalServer&)>& work) {
  const DataCommand& command = *options.data_command;
  if (!command.server.empty()) {
    const char* authority = std::getenv("CBMON_CACERT");
    LocalServer server(command.server, authority != nullptr ? authority : "");
    return work(server);
  }
  if (const auto free = lock_data(options.settings.data_dir); !free) {
    if (free.error().code != ErrorCode::kUnavailable) return report_failure(name, free.error());
    auto server = LocalServer::find(options.settings.data_dir);
    return server ? work(*server) : report_failure(name, server.error());
  }
  return run_beside_server(options, [&](const std::string& url) {
    LocalServer server(url);
    return work(server);
  });
}

}  // namespace

int run_export(const ServerOptions& options) {
  return with_server(options, "export", [&](LocalServer& server) {
    Export rows(server, *options.data_command);
    if (const auto done = rows.run(); !done) return report_failure("export", done.error());
    if (rows.missing() == 0) return 0;
    fmt::print(stderr,
               "cb-dragonfly export: {} parts are damaged and missing; the lines that say so are in the export\n",
               rows.missing());
    return kExitDamaged;
  });
}

int run_import(const ServerOptions& options) {
  return with_server(options, "import", [&](LocalServer& server) {
    Import rows(server, *options.data_command);
    if (const auto done = rows.run(); !done) return report_failure("import", done.error());
    fmt::print("{} bytes imported\n", rows.bytes());
    return 0;
  });
}

}  // namespace dragonfly
