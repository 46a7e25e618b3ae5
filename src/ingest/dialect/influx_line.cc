#include "ingest/dialect/influx_line.h"

#include <array>
#include <charconv>
#include <cstring>

namespace dragonfly {
namespace {

enum ByteClass : uint8_t { kComma = 1, kSpace = 2, kEquals = 4, kBackslash = 8, kNewline = 16 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  classes[','] = kComma;
  classes[' '] = kSpace;
  classes['='] = kEquals;
  classes['\\'] = kBackslash;
  classes['\n'] = kNewline;
  return classes;
}();

uint8_t class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

int64_t ns_of(RowDoor::Precision precision) {
  switch (precision) {
    case RowDoor::Precision::kNanoseconds: return 1;
    case RowDoor::Precision::kMicroseconds: return 1'000;
    case RowDoor::Precision::kMilliseconds: return 1'000'000;
    case RowDoor::Precision::kSeconds: return 1'000'000'000;
    case RowDoor::Precision::kMinutes: return 60'000'000'000;
    case RowDoor::Precision::kHours: return 3'600'000'000'000;
  }
  return 1;
}

}  // namespace

InfluxLineReader::InfluxLineReader(std::string_view body, RowDoor::Precision precision)
    : at_(body.data()), end_(body.data() + body.size()), line_start_(at_), unit_ns_(ns_of(precision)) {}

InfluxLineReader::Step InfluxLineReader::next() {
  while (at_ != end_) {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
    point_.line = lines_passed_ + 1;
    line_start_ = at_;
    if (at_line_end() || *at_ == '#') {
      skip_line(at_);
      continue;
    }
    point_.clear();
    problem_.clear();
    const bool good = read_point();
    skip_line(at_);
    return good ? Step::kPoint : Step::kWrong;
  }
  return Step::kEnd;
}

bool InfluxLineReader::read_point() {
  point_.name = scan(kComma | kSpace | kNewline);
  if (point_.name.empty()) return wrong("the measurement's name is missing");
  if (point_.name.size() > kPointNameBytesMax) {
    return wrong(
        fmt::format("the measurement's name has {} bytes; at most {}", point_.name.size(), kPointNameBytesMax));
  }
  if (at_ != end_ && *at_ == ',' && !read_tags()) return false;
  point_.series = {line_start_, static_cast<size_t>(at_ - line_start_)};
  skip_spaces();
  if (at_line_end()) return wrong("there is no field");
  if (!read_fields()) return false;
  if (!read_time()) return false;
  const auto bytes = static_cast<size_t>(at_ - line_start_);
  point_.source = {line_start_, bytes};
  if (bytes > kLineBytesMax) return wrong(fmt::format("it has {} bytes; at most {}", bytes, kLineBytesMax));
  return true;
}

bool InfluxLineReader::read_tags() {
  while (at_ != end_ && *at_ == ',') {
    ++at_;
    Point::Tag tag;
    tag.key = scan(kComma | kSpace | kEquals | kNewline);
    if (tag.key.empty()) return wrong("a tag has no name");
    if (tag.key.size() > kPointNameBytesMax) {
      return wrong(fmt::format("a tag's name has {} bytes; at most {}", tag.key.size(), kPointNameBytesMax));
    }
    if (at_ != end_ && *at_ == '=') {
      ++at_;
      tag.value = scan(kComma | kSpace | kEquals | kNewline);
      if (at_ != end_ && *at_ == '=') {
        return wrong(fmt::format("tag '{}' has a second '=': write it as '\\='", excerpt(tag.key)));
      }
    }
    if (tag.value.empty()) return wrong(fmt::format("tag '{}' has no value", excerpt(tag.key)));
    if (tag.value.size() > kPointValueBytesMax) {
      return wrong(fmt::format("tag '{}' has a value of {} bytes; at most {}", excerpt(tag.key), tag.value.size(),
                               kPointValueBytesMax));
    }
    for (const Point::Tag& other : point_.tags) {
      if (other.key == tag.key) return wrong(fmt::format("tag '{}' comes twice", excerpt(tag.key)));
    }
    if (point_.tags.size() == kPointTagsMax) return wrong(fmt::format("there are more than {} tags", kPointTagsMax));
    point_.tags.push_back(tag);
  }
  return true;
}

bool InfluxLineReader::read_fields() {
  for (;;) {
    Point::Field& field = point_.fields.emplace_back();
    field.name = scan(kComma | kSpace | kEquals | kNewline);
    if (field.name.empty()) return wrong("a field has no name");
    if (field.name.size() > kPointNameBytesMax) {
      return wrong(fmt::format("a field's name has {} bytes; at most {}", field.name.size(), kPointNameBytesMax));
    }
    if (at_ == end_ || *at_ != '=') return wrong(fmt::format("field '{}' has no value", excerpt(field.name)));
    ++at_;
    if (!read_value(field)) return false;
    if (at_ == end_ || *at_ != ',') return true;
    ++at_;
    if (point_.fields.size() == kPointFieldsMax)
      return wrong(fmt::format("there are more than {} fields", kPointFieldsMax));
  }
}

bool InfluxLineReader::read_value(Point::Field& field) {
  if (value_ends(at_)) return wrong(fmt::format("field '{}' has no value", excerpt(field.name)));
  const char c = *at_;
  if (is_digit(c) || c == '-' || c == '.') return read_number(field);
  if (c == '"') return read_text(field);
  return read_bool(field);
}

bool InfluxLineReader::read_text(Point::Field& field) {
  field.is_text = true;
  const char* p = at_ + 1;
  const bool long_body = end_ - line_start_ > static_cast<ptrdiff_t>(kLineBytesMax);
  const char* const limit = long_body ? line_start_ + kLineBytesMax : end_;
  while (p < limit && *p != '"') p += *p == '\\' ? 2 : 1;
  // Where its other end is missing at_ stays, so that the next line is read as a line again.
  if (p >= limit) {
    return wrong(long_body ? fmt::format("it has more than {} bytes", kLineBytesMax)
                           : fmt::format("the text of field '{}' has no closing '\"'", excerpt(field.name)));
  }
  at_ = p + 1;
  if (!value_ends(at_))
    return wrong(fmt::format("after the text of field '{}' comes '{}'", excerpt(field.name), excerpt(token())));
  return true;
}

bool InfluxLineReader::read_number(Point::Field& field) {
  const char* p = at_ + (*at_ == '-' ? 1 : 0);
  uint64_t mantissa = 0;
  int digits = 0;
  int fraction = 0;
  for (; p != end_ && is_digit(*p); ++p, ++digits) mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
  const bool whole = p == end_ || *p != '.';
  if (!whole) {
    for (++p; p != end_ && is_digit(*p); ++p, ++fraction) mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
  }
  if (digits + fraction == 0) return wrong_value(field);
  if (whole && p != end_ && (*p == 'i' || *p == 'u')) return read_integer(field, p);
  const bool has_exponent = p != end_ && (*p == 'e' || *p == 'E');
  double value = 0;
  bool in_range = true;
  if (!has_exponent && digits + fraction <= 19 && mantissa <= (uint64_t{1} << 53)) [[likely]] {
    // Both are exact doubles, so that one division rounds once: the nearest double.
    value = static_cast<double>(mantissa) / kPowersOfTen[fraction];
    if (*at_ == '-') value = -value;
  } else {
    const auto [stop, ec] = std::from_chars(at_, end_, value);
    in_range = ec == std::errc();
    p = stop;
  }
  if (!value_ends(p)) return wrong_value(field);
  if (!in_range) return wrong_range(field, "float64");
  field.value = Value::of(value);
  at_ = p;
  return true;
}

bool InfluxLineReader::read_integer(Point::Field& field, const char* digits_end) {
  if (!value_ends(digits_end + 1)) return wrong_value(field);
  if (*digits_end == 'i') {
    int64_t value = 0;
    if (std::from_chars(at_, digits_end, value).ec != std::errc()) return wrong_range(field, "int64");
    field.value = Value::of(value);
  } else {
    uint64_t value = 0;
    if (std::from_chars(at_, digits_end, value).ec != std::errc()) return wrong_range(field, "uint64");
    field.value = Value::of(value);
  }
  at_ = digits_end + 1;
  return true;
}

bool InfluxLineReader::wrong_value(const Point::Field& field) {
  return wrong(
      fmt::format("field '{}' has the value '{}'; allowed are numbers like 1.5, 5i, 5u, true, false and \"texts\"",
                  excerpt(field.name), excerpt(token())));
}

bool InfluxLineReader::wrong_range(const Point::Field& field, std::string_view type) {
  return wrong(
      fmt::format("field '{}' has the value '{}', which is no {}", excerpt(field.name), excerpt(token()), type));
}

bool InfluxLineReader::read_bool(Point::Field& field) {
  const std::string_view word = token();
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    for (const auto candidate : words) {
      if (candidate == word) return true;
    }
    return false;
  };
  if (is_one_of({"t", "T", "true", "True", "TRUE"})) {
    field.value = Value::of(true);
  } else if (is_one_of({"f", "F", "false", "False", "FALSE"})) {
    field.value = Value::of(false);
  } else {
    return wrong_value(field);
  }
  at_ += word.size();
  return true;
}

bool InfluxLineReader::read_time() {
  skip_spaces();
  if (at_line_end()) return true;
  const std::string_view text = token();
  int64_t time = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (ec == std::errc::invalid_argument || stop != text.data() + text.size()) {
    return wrong(fmt::format("the time is '{}'; allowed is a whole number", excerpt(text)));
  }
  int64_t ns = 0;
  if (ec != std::errc() || __builtin_mul_overflow(time, unit_ns_, &ns)) {
    return wrong(fmt::format("the time {} is beyond the years 1678 to 2262; does the precision fit?", excerpt(text)));
  }
  at_ = stop;
  skip_spaces();
  if (!at_line_end()) return wrong(fmt::format("after the time comes '{}'", excerpt(token())));
  point_.time = from_unix_ns(ns);
  return true;
}

std::string_view InfluxLineReader::scan(uint8_t stop_classes) {
  const char* const start = at_;
  const auto stops = static_cast<uint8_t>(stop_classes | kBackslash);
  const char* p = start;
  bool escaped = false;
  for (;;) {
    while (p != end_ && !(class_of(*p) & stops)) ++p;
    if (p == end_ || *p != '\\') break;
    const bool escape = p + 1 != end_ && (class_of(p[1]) & (kComma | kSpace | kEquals)) != 0;
    escaped |= escape;
    p += escape ? 2 : 1;
  }
  at_ = p;
  std::string_view raw(start, static_cast<size_t>(at_ - start));
  // A carriage return before the newline belongs to the line's end.
  if (!raw.empty() && raw.back() == '\r' && (at_ == end_ || *at_ == '\n')) {
    raw.remove_suffix(1);
    --at_;
  }
  return escaped ? unescaped(raw) : raw;
}

std::string_view InfluxLineReader::unescaped(std::string_view raw) {
  // Views into `text` must stay valid: room for all that one point can hold is made before the first byte. What is
  // longer will be refused, so its rest may be cut.
  constexpr size_t kRoom = kLineBytesMax;
  point_.text.reserve(kRoom);
  const size_t start = point_.text.size();
  for (size_t i = 0; i < raw.size() && point_.text.size() < kRoom; ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size() && (class_of(raw[i + 1]) & (kComma | kSpace | kEquals))) ++i;
    point_.text.push_back(raw[i]);
  }
  return std::string_view(point_.text).substr(start);
}

std::string_view InfluxLineReader::token() const {
  const char* p = at_;
  while (p != end_ && *p != ',' && *p != ' ' && *p != '\n') ++p;
  if (p != at_ && p[-1] == '\r' && (p == end_ || *p == '\n')) --p;
  return {at_, static_cast<size_t>(p - at_)};
}

bool InfluxLineReader::value_ends(const char* p) const { return p == end_ || *p == ',' || *p == ' ' || line_ends(p); }

void InfluxLineReader::skip_line(const char* from) {
  const char* const newline =
      from == end_ ? nullptr : static_cast<const char*>(std::memchr(from, '\n', static_cast<size_t>(end_ - from)));
  const char* const stop = newline == nullptr ? end_ : newline + 1;
  for (const char* p = line_start_; p != stop;) {
    const auto* const found = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(stop - p)));
    if (found == nullptr) break;
    ++lines_passed_;
    p = found + 1;
  }
  at_ = stop;
}

bool InfluxLineReader::wrong(std::string what) {
  const auto* const newline =
      static_cast<const char*>(std::memchr(line_start_, '\n', static_cast<size_t>(end_ - line_start_)));
  const std::string_view line(line_start_, static_cast<size_t>((newline == nullptr ? end_ : newline) - line_start_));
  problem_ = std::move(what);
  problem_.append(": ").append(excerpt(line.substr(0, 1024)));
  return false;
}

}  // namespace dragonfly
