#include "ingest/dialect/normalize.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

#include "base/core/assert.h"
#include "base/core/names.h"
#include "ingest/dialect/influx_line.h"
#include "ingest/dialect/telegraf_json.h"

namespace dragonfly {
namespace {

// Leaves room in a dictionary for its sections' headers.
constexpr size_t kDictionaryTextMax = kDictionaryBytesMax - 256;
constexpr size_t kNotOpen = SIZE_MAX;

using Tags = std::vector<Point::Tag>;

std::string_view tag_value(const Tags& tags, std::span<const std::string_view> names) {
  for (const auto name : names) {
    for (const Point::Tag& tag : tags) {
      if (tag.key == name) return tag.value;
    }
  }
  return {};
}

std::string_view tag_value(const Tags& tags, std::string_view name) { return tag_value(tags, std::span(&name, 1)); }

constexpr std::string_view kMcisTags[] = {"mcisId", "mcisID", "mciId", "infraId"};
constexpr std::string_view kVmTags[] = {"vmId", "nodeId", "hostId", "hostID"};
constexpr std::string_view kHostTags[] = {"hostId", "hostID"};
constexpr std::string_view kPlainLabels[] = {"osType", "cspType", "region", "zone"};

// Of an export's lines: 16 hexadecimal digits.
constexpr std::string_view kBootTag = "dragonfly.boot";

bool is_vm_tag(std::string_view key) {
  const auto is_one_of = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), key) != std::end(names);
  };
  return key == "nsId" || key == kBootTag || is_one_of(kMcisTags) || is_one_of(kVmTags) || is_one_of(kPlainLabels);
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == ',' || c == '=' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
}

std::string canonical_device(const Tags& tags) {
  std::vector<Point::Tag> others;
  std::copy_if(tags.begin(), tags.end(), std::back_inserter(others),
               [](const Point::Tag& tag) { return !is_vm_tag(tag.key); });
  std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  std::string out;
  for (const Point::Tag& tag : others) {
    if (!out.empty()) out.push_back(',');
    append_escaped(out, tag.key);
    out.push_back('=');
    append_escaped(out, tag.value);
  }
  return out;
}

size_t text_bytes(const std::map<std::string, std::string>& labels) {
  size_t bytes = 0;
  for (const auto& [key, value] : labels) bytes += key.size() + value.size() + 4;
  return bytes;
}

void sort_and_merge(std::vector<Row>& rows) {
  const auto key = [](const Row& row) { return std::tuple(row.group, row.device, row.time); };
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return key(a) < key(b); });
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (kept > 0 && key(rows[kept - 1]) == key(rows[i])) {
      for (size_t f = 0; f < rows[i].values.size(); ++f) {
        if (rows[i].values[f]) rows[kept - 1].values[f] = rows[i].values[f];
      }
      continue;
    }
    if (kept != i) rows[kept] = std::move(rows[i]);
    ++kept;
  }
  rows.resize(kept);
}

}  // namespace

// What is remembered of a VM.
struct Normalizer::Vm {
  VmIdentity identity;
  std::string boot;  // Of an export's rows; each boot has a dictionary of its own.
  std::map<std::string, std::string> labels;
  std::vector<std::string> devices;
  std::unordered_map<std::string, uint32_t> device_numbers;  // From 1.
  size_t text_bytes = 0;                                     // Of labels and devices.
  std::shared_ptr<const Dictionary> dictionary;              // Null where it changed.
  std::array<std::unique_ptr<DeviceTotals>, kTotalKinds> totals;
  size_t at = kNotOpen;  // In the batch's vms.
};

// What to do with one field; valid while the points bring the same field at the same place.
struct Normalizer::FieldPlan {
  enum class Target : uint8_t { kText, kUnknown, kCatalogue, kCustom };
  std::string name;
  ValueType type = ValueType::kFloat64;
  Target target = Target::kUnknown;
  CatalogueField catalogue;
  size_t custom = 0;  // Place in the shape.

  bool fits(const Point::Field& field, bool untyped) const {
    if (field.is_text != (target == Target::kText) || field.name != name) return false;
    // Only a custom column is made after its first value's type.
    if (target != Target::kCustom || field.value.type == type) return true;
    return untyped && (field.value.type == ValueType::kBool) == (type == ValueType::kBool);
  }
};

struct Normalizer::Series {
  std::string measurement;
  const CatalogueMeasurement* catalogue = nullptr;
  std::string ns;  // Empty: the batch's default.
  VmIdentity identity;
  std::map<std::string, std::string> labels;
  std::string boot;
  std::string device;         // Empty: the VM's own row.
  std::string custom_device;  // Of the custom measurement that takes what the catalogue does not have.
  bool counts = false;        // In the VM's total.
  bool ignored = false;       // A row that means nothing here, like the protocols' counters of "all" interfaces.
  std::vector<FieldPlan> fields;
  bool planned = false;
  size_t texts = 0;
  size_t unknown = 0;
  size_t of_catalogue = 0;
  std::shared_ptr<const DoorShape> shape;
  Vm* vm = nullptr;
  uint64_t vm_of_batch = 0;  // `vm` was looked up in that batch.
};

Normalizer::Normalizer(Duration late_window, Mode mode) : late_window_(late_window), mode_(mode) {}
Normalizer::~Normalizer() = default;

void Normalizer::begin(const Batch& options, DoorBatch& batch) {
  DF_ASSERT(batch_ == nullptr);
  options_ = options;
  batch_ = &batch;
  ++batch_number_;
  if (vms_.size() > kVmsRememberedMax) {
    series_.clear();
    vms_.clear();
  }
}

void Normalizer::refuse(size_t number, std::string_view what) {
  ++batch_->points;
  batch_->refuse(options_.unit, number, what);
}

void Normalizer::problem(const Point& point, std::string_view what) {
  if (point.source.empty()) return batch_->refuse(options_.unit, point.line, what);
  batch_->refuse(options_.unit, point.line, fmt::format("{}: {}", what, excerpt(point.source)));
}

void Normalizer::add(const Point& point) {
  ++batch_->points;
  Series* series = series_of(point);
  if (series == nullptr || series->ignored) return;
  if (!may_write(*series)) return problem(point, "its namespace is not one of those that the caller may write");
  const bool planned = series->planned && series->fields.size() == point.fields.size() &&
                       std::equal(series->fields.begin(), series->fields.end(), point.fields.begin(),
                                  [&](const FieldPlan& plan, const Point::Field& field) {
                                    return plan.fits(field, point.numbers_untyped);
                                  });
  if (!planned) {
    if (const auto result = plan_fields(point, *series); !result) return problem(point, result.error().message);
  }
  const Timestamp time = point.time.value_or(options_.now);
  if (time < options_.now - late_window_) {
    ++batch_->points_too_old;
    return problem(point, fmt::format("its time {} is older than the {} that are taken", format_rfc3339(time),
                                      format_duration(late_window_)));
  }
  if (time > options_.now + kAheadMax) {
    ++batch_->points_future;
    return problem(point,
                   fmt::format("its time {} is more than {} ahead", format_rfc3339(time), format_duration(kAheadMax)));
  }
  Row row;
  if (series->of_catalogue > 0) {
    row.reset(series->catalogue->group, time, metrics_of(series->catalogue->group).size());
    if (!fill_row(point, *series, row)) return;
  }
  Vm* vm = vm_of(*series);
  if (vm == nullptr) {
    return problem(point, fmt::format("this batch names more than {} VMs; send it in parts", kVmsPerBatchMax));
  }
  batch_->texts_dropped += series->texts;
  batch_->fields_unknown += series->unknown;
  if (series->of_catalogue > 0) add_catalogue(*series, *vm, std::move(row));
  if (series->shape) add_custom(point, *series, *vm, time);
}

Normalizer::Series* Normalizer::series_of(const Point& point) {
  if (const auto found = series_.find(point.series); found != series_.end()) return found->second.get();
  auto made = make_series(point);
  if (!made) {
    problem(point, made.error().message);
    if (made.error().code == ErrorCode::kNotFound) ++batch_->points_without_vm;
    return nullptr;
  }
  if (series_.size() >= kSeriesRememberedMax) series_.clear();
  return series_.emplace(point.series, std::move(*made)).first->second.get();
}

Result<std::unique_ptr<Normalizer::Series>> Normalizer::make_series(const Point& point) {
  auto series = std::make_unique<Series>();
  series->measurement = point.name;
  series->catalogue =
      mode_ == Mode::kExact ? find_exact_measurement(point.name) : find_catalogue_measurement(point.name);
  DF_TRY(check_name("the measurement's name", point.name));
  for (const Point::Tag& tag : point.tags) DF_TRY(check_name("a tag's name", tag.key));
  DF_TRY(read_identity(point, *series));
  DF_TRY(read_device(point, *series));
  return series;
}

Result<> Normalizer::read_identity(const Point& point, Series& series) {
  const std::string_view ns = tag_value(point.tags, "nsId");
  const std::string_view mcis = tag_value(point.tags, kMcisTags);
  const std::string_view vm = tag_value(point.tags, kVmTags);
  const std::string_view host = tag_value(point.tags, kHostTags);
  if (vm.empty()) return fail(ErrorCode::kNotFound, "tag vmId is missing");
  series.ns = ns;
  series.identity.mcis = mcis.empty() ? "default" : mcis;
  series.identity.vm = vm;
  if (!ns.empty()) DF_TRY(check_name("tag nsId", ns));
  DF_TRY(check_name("tag mcisId", series.identity.mcis));
  DF_TRY(check_name("tag vmId", vm));
  if (mode_ == Mode::kExact) {
    const std::string_view boot = tag_value(point.tags, kBootTag);
    if (!boot.empty() && (boot.size() != 16 || from_hex(boot).size() != 8))
      return fail(ErrorCode::kInvalidArgument, "tag {} is '{}', not 16 hexadecimal digits", kBootTag, excerpt(boot));
    series.boot = boot;
  }
  if (!host.empty()) {
    DF_TRY(check_name("tag hostId", host));
    series.labels.emplace("hostId", host);
  }
  for (const auto label : kPlainLabels) {
    const std::string_view value = tag_value(point.tags, label);
    if (value.empty()) continue;
    DF_TRY(check_name(fmt::format("tag {}", label), value));
    series.labels.emplace(label, value);
  }
  return {};
}

Result<> Normalizer::read_device(const Point& point, Series& series) {
  if (series.catalogue == nullptr || series.catalogue->keeps_unknown) {
    series.custom_device = canonical_device(point.tags);
    if (!series.custom_device.empty()) DF_TRY(check_name("the device made of the other tags", series.custom_device));
  }
  if (series.catalogue == nullptr || series.catalogue->device_tag.empty()) return {};
  const std::string_view device = tag_value(point.tags, series.catalogue->device_tag);
  if (device.empty()) return {};
  DF_TRY(check_name(fmt::format("tag {}", series.catalogue->device_tag), device));
  if (series.catalogue->group == GroupId::kCpu && device == "cpu-total") return {};
  series.device = device;
  series.ignored = series.catalogue->total == TotalKind::kInterfaces && device == "all";
  series.counts = counts_for_total(series.catalogue->total,
                                   {device, tag_value(point.tags, "path"), tag_value(point.tags, "fstype")});
  return {};
}

Result<> Normalizer::plan_field(const Point::Field& field, FieldPlan& plan, const Series& series, DoorShape& shape) {
  plan.name = field.name;
  plan.type = field.value.type;
  if (field.is_text) {
    plan.target = FieldPlan::Target::kText;
    return {};
  }
  if (series.catalogue != nullptr) {
    plan.catalogue = find_catalogue_field(*series.catalogue, field.name);
    if (plan.catalogue.metric != nullptr) {
      plan.target = FieldPlan::Target::kCatalogue;
      return {};
    }
    if (!series.catalogue->keeps_unknown) return {};
  }
  DF_TRY(check_name("a field's name", field.name));
  plan.target = FieldPlan::Target::kCustom;
  const auto same =
      std::find_if(shape.fields.begin(), shape.fields.end(), [&](const auto& f) { return f.name == field.name; });
  plan.custom = static_cast<size_t>(same - shape.fields.begin());
  if (same == shape.fields.end()) {
    shape.fields.push_back({plan.name, plan.type});
  } else {
    same->type = plan.type;
  }
  return {};
}

Result<> Normalizer::plan_fields(const Point& point, Series& series) {
  series.planned = false;
  series.fields.assign(point.fields.size(), {});
  series.texts = series.unknown = series.of_catalogue = 0;
  DoorShape shape;
  shape.measurement = series.measurement;
  for (size_t i = 0; i < point.fields.size(); ++i) {
    DF_TRY(plan_field(point.fields[i], series.fields[i], series, shape));
    const auto target = series.fields[i].target;
    series.texts += target == FieldPlan::Target::kText ? 1 : 0;
    series.unknown += target == FieldPlan::Target::kUnknown ? 1 : 0;
    series.of_catalogue += target == FieldPlan::Target::kCatalogue ? 1 : 0;
  }
  if (point.numbers_untyped) {
    for (auto& field : shape.fields)
      field.type = field.type == ValueType::kBool ? ValueType::kBool : ValueType::kFloat64;
  }
  series.shape = shape.fields.empty() ? nullptr : std::make_shared<const DoorShape>(std::move(shape));
  if (series.of_catalogue == 0 && !series.shape) {
    if (series.unknown == 0) return fail(ErrorCode::kInvalidArgument, "all its fields are texts, which are not kept");
    return fail(ErrorCode::kInvalidArgument, "'{}' has none of the fields that the catalogue's {} group knows",
                point.name, group_name(series.catalogue->group));
  }
  series.planned = true;
  return {};
}

bool Normalizer::fill_row(const Point& point, const Series& series, Row& row) {
  for (size_t i = 0; i < point.fields.size(); ++i) {
    const FieldPlan& plan = series.fields[i];
    if (plan.target != FieldPlan::Target::kCatalogue) continue;
    const auto value = to_catalogue(plan.catalogue, point.fields[i].value);
    if (!value) {
      problem(point, fmt::format("field '{}' = {} does not fit {}, which is {}", excerpt(plan.name),
                                 point.fields[i].value.as_double(), plan.catalogue.metric->name,
                                 to_string(plan.catalogue.metric->type)));
      return false;
    }
    row.values[plan.catalogue.metric->field] = value;
  }
  if (mode_ == Mode::kDialect) derive_fields(row);
  return true;
}

Normalizer::Vm* Normalizer::known_vm(const VmIdentity& identity, std::string_view boot) {
  std::string key(boot);
  key.push_back('\0');
  for (const auto* part : {&identity.ns, &identity.mcis, &identity.vm}) key.append(*part).append(1, '\0');
  auto& vm = vms_[std::move(key)];
  if (!vm) {
    vm = std::make_unique<Vm>();
    vm->identity = identity;
    vm->boot = boot;
    vm->labels = {{"nsId", identity.ns}, {"mcisId", identity.mcis}, {"vmId", identity.vm}};
    vm->text_bytes = text_bytes(vm->labels);
  }
  return vm.get();
}

bool Normalizer::may_write(const Series& series) const {
  const std::string_view ns = series.ns.empty() ? options_.default_ns : std::string_view(series.ns);
  return options_.namespaces.empty() || std::ranges::find(options_.namespaces, ns) != options_.namespaces.end();
}

Normalizer::Vm* Normalizer::vm_of(Series& series) {
  if (series.vm_of_batch == batch_number_) return series.vm;
  series.identity.ns = series.ns.empty() ? options_.default_ns : std::string_view(series.ns);
  Vm* vm = known_vm(series.identity, series.boot);
  if (!open(*vm)) return nullptr;
  for (const auto& [key, value] : series.labels) {
    auto& label = vm->labels[key];
    if (label == value) continue;
    label = value;
    vm->dictionary.reset();
    vm->text_bytes = text_bytes(vm->labels);
    for (const auto& device : vm->devices) vm->text_bytes += device.size() + 2;
  }
  series.vm = vm;
  series.vm_of_batch = batch_number_;
  return vm;
}

bool Normalizer::open(Vm& vm) {
  if (vm.at != kNotOpen) return true;
  if (open_vms_.size() == kVmsPerBatchMax) return false;
  vm.at = batch_->vms.size();
  batch_->vms.emplace_back().identity = vm.identity;
  open_vms_.push_back(&vm);
  return true;
}

// Hands the VM's rows over with the dictionary that they refer to.
void Normalizer::close(Vm& vm) {
  if (!vm.dictionary) {
    Dictionary dictionary;
    dictionary.labels = vm.labels;
    dictionary.devices = vm.devices;
    if (!vm.boot.empty()) dictionary.boot_id = boot_number_text(vm.boot);
    vm.dictionary = std::make_shared<const Dictionary>(std::move(dictionary));
  }
  DoorVm& out = batch_->vms[vm.at];
  out.dictionary = vm.dictionary;
  sort_and_merge(out.rows);
  vm.at = kNotOpen;
}

uint32_t Normalizer::device_index(Vm& vm, const std::string& device) {
  if (device.empty()) return 0;
  if (const auto found = vm.device_numbers.find(device); found != vm.device_numbers.end()) return found->second;
  if (vm.devices.size() == kDevicesRememberedMax || vm.text_bytes + device.size() + 2 > kDictionaryTextMax) {
    // A dictionary is full: the rows so far keep it, the next ones get a new one.
    close(vm);
    vm.devices.clear();
    vm.device_numbers.clear();
    vm.text_bytes = text_bytes(vm.labels);
    vm.at = batch_->vms.size();
    batch_->vms.emplace_back().identity = vm.identity;
  }
  vm.devices.push_back(device);
  vm.text_bytes += device.size() + 2;
  vm.dictionary.reset();
  const auto number = static_cast<uint32_t>(vm.devices.size());
  vm.device_numbers.emplace(device, number);
  return number;
}

void Normalizer::add_catalogue(Series& series, Vm& vm, Row&& row) {
  if (series.counts) {
    auto& totals = vm.totals[static_cast<size_t>(series.catalogue->total)];
    if (!totals) totals = std::make_unique<DeviceTotals>(series.catalogue->total, series.catalogue->group);
    if (const auto device = totals->device(series.device))
      samples_.push_back({&vm, series.catalogue->total, *device, row});
  }
  row.device = device_index(vm, series.device);
  batch_->vms[vm.at].rows.push_back(std::move(row));
}

void Normalizer::add_custom(const Point& point, Series& series, Vm& vm, Timestamp time) {
  CustomRow row;
  row.shape = series.shape;
  row.device = device_index(vm, series.custom_device);
  row.time = time;
  row.line = point.line;
  row.values.resize(series.shape->fields.size());
  for (size_t i = 0; i < point.fields.size(); ++i) {
    const FieldPlan& plan = series.fields[i];
    if (plan.target != FieldPlan::Target::kCustom) continue;
    const Value value = point.fields[i].value;
    const bool as_float = series.shape->fields[plan.custom].type == ValueType::kFloat64;
    row.values[plan.custom] = as_float ? Value::of(value.as_double()) : value;
  }
  batch_->vms[vm.at].custom.push_back(std::move(row));
}

void Normalizer::add_totals() {
  const auto key = [](const DeviceSample& s) { return std::tuple(s.vm->at, s.kind, s.row.time); };
  std::stable_sort(samples_.begin(), samples_.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  for (size_t begin = 0, end = 0; begin < samples_.size(); begin = end) {
    Vm& vm = *samples_[begin].vm;
    const TotalKind kind = samples_[begin].kind;
    DeviceTotals& totals = *vm.totals[static_cast<size_t>(kind)];
    std::vector<Row>& out = batch_->vms[vm.at].rows;
    for (; end < samples_.size() && samples_[end].vm == &vm && samples_[end].kind == kind; ++end) {
      const DeviceSample& sample = samples_[end];
      totals.add(sample.device, sample.row.time, sample.row.values, out);
    }
    totals.finish_batch(out);
  }
  samples_.clear();
}

void Normalizer::finish() {
  add_totals();
  for (Vm* vm : open_vms_) close(*vm);
  open_vms_.clear();
  batch_ = nullptr;
}

void take_influx_lines(std::string_view body, RowDoor::Precision precision, std::string_view db, Timestamp now,
                       Normalizer& normalizer, DoorBatch& batch, std::span<const std::string> namespaces) {
  normalizer.begin({.default_ns = db.empty() || db == "cbmon" ? "default" : db,
                    .unit = "line",
                    .now = now,
                    .namespaces = namespaces},
                   batch);
  InfluxLineReader reader(body, precision);
  for (auto step = reader.next(); step != InfluxLineReader::Step::kEnd; step = reader.next()) {
    if (step == InfluxLineReader::Step::kPoint) {
      normalizer.add(reader.point());
    } else {
      normalizer.refuse(reader.line(), reader.problem());
    }
  }
  normalizer.finish();
}

void take_telegraf_json(std::string_view datagram, Timestamp now, Normalizer& normalizer, DoorBatch& batch) {
  normalizer.begin({.default_ns = "default", .unit = "metric", .now = now}, batch);
  read_telegraf_json(datagram, {[&](const Point& point) { normalizer.add(point); },
                                [&](size_t number, std::string_view problem) { normalizer.refuse(number, problem); }});
  normalizer.finish();
}

}  // namespace dragonfly
