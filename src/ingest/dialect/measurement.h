// Which measurements of the dialects are the catalogue's, and what their fields mean there.
//
//   cpu (device tag cpu; cpu-total is the VM) · mem, memory · swap · disk (device) · diskio (name) · net, network
//   (interface) · cpufreq (cpu) · system, processes, kernel_vmstat (what the catalogue does not have stays custom)
//
// Units      catalogue units: read_bytes becomes kilobytes, pgpgin (kilobytes) bytes, cur_freq megahertz: from Hz where
//            it is at least 1e8, from kHz where it is at least 1e5.
// Ownership  constants.
// Threading  pure.
// Errors     nullptr where the name is no catalogue measurement or field.
// Limits     none.
#pragma once

#include <optional>
#include <string_view>

#include "model/catalogue/catalogue.h"
#include "model/row/row.h"

namespace dragonfly {

// What the rows of a measurement's devices add up to.
enum class TotalKind : uint8_t { kNone, kFileSystems, kDisks, kInterfaces, kFrequencies };
inline constexpr size_t kTotalKinds = 5;

struct CatalogueMeasurement {
  std::string_view name;
  GroupId group;
  std::string_view device_tag;    // Empty: it is always the VM's own row.
  std::string_view alias_prefix;  // In the catalogue's aliases: "swap.".
  bool keeps_unknown;             // Other fields make a custom measurement of the same name.
  TotalKind total;
};
const CatalogueMeasurement* find_catalogue_measurement(std::string_view name);

// As exports name them: the catalogue's groups, each with the device tag "device".
const CatalogueMeasurement* find_exact_measurement(std::string_view name);

enum class Scale : uint8_t { kNone, kPer1024, kTimes1024, kMegahertz };
struct CatalogueField {
  const Metric* metric = nullptr;
  Scale scale = Scale::kNone;
};
CatalogueField find_catalogue_field(const CatalogueMeasurement& measurement, std::string_view field);

// The value in the catalogue's unit and the column's type; nullopt where it does not fit.
std::optional<Value> to_catalogue(const CatalogueField& field, Value value);

// Fills in what can be derived from the row's other fields: utilizations that were not sent.
void derive_fields(Row& row);

// Whether a device's values are part of the VM's total. `parent_is_counted` tells whether a device of that name is
// counted.
struct DeviceTags {
  std::string_view name;
  std::string_view path;
  std::string_view file_system;
};
bool counts_for_total(TotalKind kind, const DeviceTags& tags);
// The disk of which `device` is a partition by its name (sda of sda1, nvme0n1 of nvme0n1p2), or empty.
std::string_view disk_of_partition(std::string_view device);

}  // namespace dragonfly
