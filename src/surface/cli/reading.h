// How values are shown to people: short numbers with a unit that fits them, and a sparkline of their course.
//
// Units      catalogue units; with "/s" where the value is a rate.
// Ownership  values.
// Threading  pure.
// Errors     none.
// Limits     none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/catalogue/catalogue.h"

namespace dragonfly {

struct Reading {
  std::string value;
  std::string unit;
};
// 4194304, "bytes" → 4, "MiB". An unknown unit is shown as it is.
Reading readable(double value, std::string_view unit);
// The unit in which answers give it: counters are answered as rates. Empty for what is not in the catalogue.
std::string answer_unit(const Metric* metric);
// At most two digits after the point, and no zeros at the end.
std::string short_number(double value);
// One character a value, lowest to highest; a space where there is none, or none that is finite.
std::string sparkline(const std::vector<std::optional<double>>& values);

}  // namespace dragonfly
