// Telegraf's JSON: {"name":"cpu","tags":{…},"fields":{…},"timestamp":…}, one or several after each other in a datagram,
// or
// {"metrics":[…]}.
//
// Units      the time is in s, ms, µs or ns by its magnitude: |t| < 1e11 s, < 1e14 ms, < 1e17 µs, else ns.
// Ownership  copies the points' names out of the parsed value only for the time of the call to `use`.
// Threading  pure.
// Errors     a metric of wrong shape goes to `refuse` with its number and what was wrong, and the others are read. Text
//            that is not JSON ends the reading: what came before it was used.
// Limits     point.h; nesting of 64; kTelegrafBytesMax a datagram.
#pragma once

#include <functional>
#include <string_view>

#include "ingest/dialect/point.h"

namespace dragonfly {

inline constexpr size_t kTelegrafBytesMax = 1 << 20;

struct TelegrafSink {
  std::function<void(const Point&)> use;
  std::function<void(size_t number, std::string_view problem)> refuse;
};

void read_telegraf_json(std::string_view datagram, const TelegrafSink& sink);

}  // namespace dragonfly
