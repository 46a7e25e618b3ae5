// Point: one measurement at one time as a dialect spells it, before it means anything to us.
//
// Units      time in ns.
// Ownership  views borrow the parsed text, or `text` where it had to be unescaped; valid until the next point.
// Threading  one object, one thread.
// Errors     none.
// Limits     those below, kept by every parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/time.h"
#include "model/row/row.h"

namespace dragonfly {

inline constexpr size_t kLineBytesMax = 64 * 1024;
inline constexpr size_t kPointTagsMax = 40;
inline constexpr size_t kPointNameBytesMax = 256;
inline constexpr size_t kPointValueBytesMax = 1024;  // Of a tag; texts of fields are bounded by the line.
inline constexpr size_t kPointFieldsMax = kFieldsMax;

struct Point {
  struct Tag {
    std::string_view key;
    std::string_view value;
  };
  struct Field {
    std::string_view name;
    Value value;
    bool is_text = false;  // Then `value` means nothing: texts are not kept.
  };
  std::string_view series;  // Names and tags in some unambiguous spelling: equal text = equal name and tags.
  std::string_view source;  // The line, for messages; may be empty.
  std::string_view name;
  std::vector<Tag> tags;
  std::vector<Field> fields;
  std::optional<Timestamp> time;
  size_t line = 0;               // From 1: the line, or the how-manyth metric of a datagram.
  bool numbers_untyped = false;  // The dialect does not tell 5 from 5.0: numbers of custom measurements are float64.
  std::string text;              // What is not in the input literally.

  void clear() {
    series = source = name = {};
    tags.clear();
    fields.clear();
    time.reset();
    text.clear();
  }
};

// At most 200 bytes of what a client sent, for a message: control characters become '?'; "…" where it was cut.
std::string excerpt(std::string_view text);

}  // namespace dragonfly
