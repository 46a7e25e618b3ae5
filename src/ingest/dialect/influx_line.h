// Influx line protocol v1, read point by point in one pass and without copies.
//
//   line := measurement{,tag=value} SP field=value{,field=value} [SP time]     '#' starts a comment, empty lines are
//   skipped A backslash makes a literal of ',' ' ' '=' in names and tag values, of '"' and '\' in "texts"; else it is
//   itself. value := 1.5 float64 · 5i int64 · 5u uint64 · t T true True TRUE f F false False FALSE · "text" (may hold
//   newlines)
//
// Units      times in the given precision, made ns; absent where the line has none.
// Ownership  borrows the body; a point's views borrow the body or the reader.
// Threading  one object, one thread.
// Errors     kWrong: problem() says what, without the line number; the reader goes on after the line's end.
// Limits     point.h.
#pragma once

#include <string>
#include <string_view>

#include "ingest/dialect/point.h"
#include "model/flow/row_door.h"

namespace dragonfly {

class InfluxLineReader {
 public:
  enum class Step : uint8_t { kPoint, kWrong, kEnd };

  InfluxLineReader(std::string_view body, RowDoor::Precision precision);

  Step next();
  const Point& point() const { return point_; }
  // Of the last step: the line's number, from 1, and what was wrong with it.
  size_t line() const { return point_.line; }
  const std::string& problem() const { return problem_; }

 private:
  bool read_point();
  bool read_tags();
  bool read_fields();
  bool read_value(Point::Field& field);
  bool read_text(Point::Field& field);
  bool read_number(Point::Field& field);
  bool read_integer(Point::Field& field, const char* digits_end);
  bool read_bool(Point::Field& field);
  bool read_time();
  // Scans a name up to an unescaped byte of one of the classes.
  std::string_view scan(uint8_t stop_classes);
  std::string_view unescaped(std::string_view raw);
  std::string_view token() const;
  bool value_ends(const char* p) const;
  bool line_ends(const char* p) const {
    return p == end_ || *p == '\n' || (*p == '\r' && (p + 1 == end_ || p[1] == '\n'));
  }
  bool at_line_end() const { return line_ends(at_); }
  void skip_spaces() {
    while (at_ != end_ && *at_ == ' ') ++at_;
  }
  void skip_line(const char* from);
  // Each says what is wrong and returns false.
  bool wrong(std::string what);
  bool wrong_value(const Point::Field& field);
  bool wrong_range(const Point::Field& field, std::string_view type);

  const char* at_;
  const char* const end_;
  const char* line_start_;
  int64_t unit_ns_;
  size_t lines_passed_ = 0;
  Point point_;
  std::string problem_;
};

}  // namespace dragonfly
