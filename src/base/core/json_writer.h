// JsonWriter: streams JSON text into a string.
//
// Units      numbers as given; doubles in the shortest fixed notation that reads back equal, never an exponent.
// Ownership  appends to a string that it borrows.
// Threading  one object, one thread.
// Errors     misuse (a value without a key inside an object) is our bug and asserts; NaN and infinities become null.
// Limits     nesting up to 64. Text is written as UTF-8; bytes that are not UTF-8 become U+FFFD.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dragonfly {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);
  JsonWriter& value(int64_t number);
  JsonWriter& value(uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<int64_t>(number)); }
  JsonWriter& value(unsigned number) { return value(static_cast<uint64_t>(number)); }
  JsonWriter& value(bool truth);
  JsonWriter& null();
  // A number as it is spelled: one that JSON takes.
  JsonWriter& spelled(std::string_view number);
  // [first, …] in one step, nullopt and what is not finite as null: what large answers are made of.
  JsonWriter& values(int64_t first, std::span<const std::optional<double>> rest);
  // key(name).value(v)
  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  void separate();
  void quote(std::string_view text);
  std::string& out_;
  std::vector<char> scratch_;  // Of values().
  uint64_t has_items_ = 0;     // One bit a level: whether a comma is due.
  uint64_t is_object_ = 0;
  int depth_ = 0;
  bool after_key_ = false;
};

}  // namespace dragonfly
