// RowDoor: where whole requests of rows come in from the API (Influx line protocol).
//
// Units      bytes.
// Ownership  the body is moved in.
// Threading  any thread; `done` is called exactly once, on a thread of the ingest's, and should only pass on.
// Errors     in WriteOutcome: wrong lines are named, the good ones are stored. The Result's own error: kUnavailable
//            (overload), kNoSpace (disk full), kResourceExhausted: nothing was stored.
// Limits     kWriteBytesMax a body after decompression; line errors up to 4 KB of text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kWriteBytesMax = 32u << 20;

struct WriteOutcome {
  uint64_t rows_stored = 0;  // Durable now.
  uint64_t lines_wrong = 0;
  std::string errors;  // "line 3: …\nline 9: …", empty where lines_wrong is 0; ends with a count where it was cut.
};

class RowDoor {
 public:
  enum class Precision { kNanoseconds, kMicroseconds, kMilliseconds, kSeconds, kMinutes, kHours };
  using Done = std::function<void(Result<WriteOutcome>)>;
  virtual ~RowDoor() = default;
  struct Lines {
    std::string body{};
    Precision precision = Precision::kNanoseconds;
    // The namespace of lines without a nsId tag when it is not empty, "cbmon" or "default".
    std::string db{};
    // They are an export's (docs/formats/export.md): nothing is derived, summed up or converted.
    bool exact = false;
    // Lines of others are refused; empty: all are taken.
    std::vector<std::string> namespaces{};
  };
  virtual void write_lines(Lines lines, Done done) = 0;
};

}  // namespace dragonfly
