#include "base/core/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/core/assert.h"
#include "base/core/names.h"
#include "base/core/number.h"

namespace dragonfly {
namespace {

// Stands in a text as it is.
bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// Writes the first character, which is not plain, and takes it away.
void escape_first(std::string& out, std::string_view& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto c = static_cast<unsigned char>(text.front());
  if (c >= 0x80) {
    const size_t length = utf8_length(text);
    out.append(length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
    return;
  }
  text.remove_prefix(1);
  if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(static_cast<char>(c));
  } else if (c == '\n') {
    out.append("\\n");
  } else {
    out.append("\\u00");
    out.push_back(kHex[c >> 4]);
    out.push_back(kHex[c & 15]);
  }
}

}  // namespace

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  DF_ASSERT(depth_ == 0 || (is_object_ >> depth_ & 1) == 0);  // Inside an object a key comes first.
  if (has_items_ >> depth_ & 1) out_.push_back(',');
  has_items_ |= uint64_t{1} << depth_;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_.push_back('{');
  DF_ASSERT(depth_ < 63);
  ++depth_;
  has_items_ &= ~(uint64_t{1} << depth_);
  is_object_ |= uint64_t{1} << depth_;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  DF_ASSERT(depth_ > 0 && (is_object_ >> depth_ & 1) == 1 && !after_key_);
  --depth_;
  out_.push_back('}');
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  out_.push_back('[');
  DF_ASSERT(depth_ < 63);
  ++depth_;
  has_items_ &= ~(uint64_t{1} << depth_);
  is_object_ &= ~(uint64_t{1} << depth_);
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  DF_ASSERT(depth_ > 0 && (is_object_ >> depth_ & 1) == 0);
  --depth_;
  out_.push_back(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  DF_ASSERT(depth_ > 0 && (is_object_ >> depth_ & 1) == 1 && !after_key_);
  if (has_items_ >> depth_ & 1) out_.push_back(',');
  has_items_ |= uint64_t{1} << depth_;
  quote(name);
  out_.push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  char buffer[kFixedCharactersMax];
  out_.append(buffer, write_fixed(buffer, number));
  return *this;
}

JsonWriter& JsonWriter::values(int64_t first, std::span<const std::optional<double>> rest) {
  separate();
  scratch_.resize(32 + rest.size() * (kFixedCharactersMax + 1));
  char* to = scratch_.data();
  *to++ = '[';
  to = std::to_chars(to, to + 24, first).ptr;
  for (const std::optional<double>& number : rest) {
    *to++ = ',';
    if (number && std::isfinite(*number)) {
      to = write_fixed(to, *number);
    } else {
      to = std::copy_n("null", 4, to);
    }
  }
  *to++ = ']';
  out_.append(scratch_.data(), to);
  return *this;
}

JsonWriter& JsonWriter::value(int64_t number) {
  separate();
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
  return *this;
}

JsonWriter& JsonWriter::value(uint64_t number) {
  separate();
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  out_.append(truth ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::spelled(std::string_view number) {
  separate();
  out_.append(number);
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_.append("null");
  return *this;
}

void JsonWriter::quote(std::string_view text) {
  out_.push_back('"');
  while (!text.empty()) {
    // Nearly always all of it.
    const auto plain = static_cast<size_t>(std::ranges::find_if_not(text, is_plain) - text.begin());
    out_.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty()) escape_first(out_, text);
  }
  out_.push_back('"');
}

}  // namespace dragonfly
