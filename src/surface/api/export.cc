// GET /api/v1/export: the rows themselves, page by page.
#include <algorithm>
#include <charconv>

#include "surface/api/api.h"
#include "surface/api/export_lines.h"
#include "surface/api/params.h"
#include "surface/api/pieces.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"
#include "surface/api/vm_filter.h"

namespace dragonfly {
namespace {

constexpr size_t kPageBytes = size_t{4} << 20;  // A page ends with the read that passes it.
constexpr size_t kPageReadsMax = 500;           // Also where they find little, so that no page takes long.
constexpr size_t kReadVms = 8;
constexpr size_t kReadRows = 100'000;  // Of several VMs; where there are more they are read one by one.
constexpr Duration kReadTimeout = 20s;
constexpr Duration kAheadMax = 10min;
constexpr int64_t kHour = 3'600'000'000'000;
// Numbers of custom groups have no gaps but where their records were lost.
constexpr uint32_t kGroupGapMax = 1024;

// Before it everything is in earlier pages: hour by hour, in it group by group, in it VM by VM.
struct Position {
  int64_t hour = 0;
  uint32_t group = 0;
  uint32_t vm = 0;  // The last one that is done.
};

struct Asked {
  ExportFormat format = ExportFormat::kLines;
  TimeRange range{};
  Position at;
  std::vector<SelectedVm> vms;  // By number.
};

struct ExportGroup {
  GroupId id;
  std::string_view name;
  std::vector<std::string_view> fields;
  std::shared_ptr<const Measurement> measurement;  // Null: the catalogue's.
};

Result<Position> read_cursor(const std::string& text) {
  Position out;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto number = [&](auto& value, bool last) {
    const auto [stop, error] = std::from_chars(at, end, value);
    const bool good = error == std::errc() && (last ? stop == end : stop != end && *stop == '.');
    at = good && !last ? stop + 1 : stop;
    return good;
  };
  if (number(out.hour, false) && number(out.group, false) && number(out.vm, true)) return out;
  return fail(ErrorCode::kInvalidArgument, "parameter 'cursor': '{}' is none; it is what the page before ended with",
              text.substr(0, 100));
}

Result<Asked> read_asked(const ApiParts& parts, const HttpRequest& request) {
  DF_TRY(only_parameters(request, "ns mcis vm csp region start end format cursor", "tag."));
  Asked out;
  const auto format = word_parameter(request, "format", "lines|ndjson", "lines");
  if (!format) return fail(format.error());
  out.format = *format == "lines" ? ExportFormat::kLines : ExportFormat::kNdjson;
  const Timestamp now = parts.clock.wall();
  const Timestamp oldest = now - parts.policy()->server.retention_raw - 1h;
  const auto start = time_parameter(request, "start", now, oldest);
  if (!start) return fail(start.error());
  const auto end = time_parameter(request, "end", now, now + kAheadMax);
  if (!end) return fail(end.error());
  out.range = {std::max(*start, oldest), *end};
  out.at.hour = unix_ns(out.range.begin) / kHour;
  if (const std::string cursor = text_parameter(request, "cursor"); !cursor.empty()) {
    const auto at = read_cursor(cursor);
    if (!at) return fail(at.error());
    if (at->hour >= out.at.hour) out.at = *at;
  }
  auto vms = select_vms(parts.directory, request);
  if (!vms) return fail(vms.error());
  out.vms = std::move(*vms);
  std::ranges::sort(out.vms, {}, [](const SelectedVm& vm) { return vm.entry->id; });
  return out;
}

std::vector<ExportGroup> groups_of(Directory& directory) {
  std::vector<ExportGroup> out;
  for (const GroupId id : kCatalogueGroups) {
    ExportGroup group{id, group_name(id), {}, nullptr};
    for (const Metric& metric : metrics_of(id)) group.fields.push_back(metric.name);
    out.push_back(std::move(group));
  }
  for (uint32_t id = kFirstCustomGroup, missed = 0; missed < kGroupGapMax; ++id) {
    auto measurement = directory.find_measurement(GroupId{id});
    missed = measurement ? 0 : missed + 1;
    if (!measurement) continue;
    ExportGroup group{GroupId{id}, measurement->name, {}, measurement};
    for (const auto& field : measurement->fields) group.fields.push_back(field.name);
    out.push_back(std::move(group));
  }
  std::ranges::sort(out, {}, &ExportGroup::id);
  return out;
}

// One page; its last line says where the next one begins, or that there is none.
class ExportBody final : public HttpBody {
 public:
  ExportBody(const ApiParts& parts, Asked asked)
      : parts_(parts), asked_(std::move(asked)), groups_(groups_of(parts.directory)), at_(asked_.at) {}

  Result<bool> next(std::string& out) override {
    out_.clear();
    const auto more = add_reads();
    if (!more) return fail(more.error());
    bytes_ += out_.size();
    out.append(out_);
    return *more;
  }

 private:
  // A piece's; whether the page goes on.
  Result<bool> add_reads() {
    while (at_.hour * kHour < unix_ns(asked_.range.end)) {
      if (reads_ == kPageReadsMax || bytes_ + out_.size() >= kPageBytes) {
        tell("next", fmt::format("{}.{}.{}", at_.hour, at_.group, at_.vm));
        return false;
      }
      if (out_.size() >= kPieceBytes) return true;
      const auto group = std::ranges::find_if(groups_, [&](const auto& one) { return uint32_t(one.id) >= at_.group; });
      if (group == groups_.end()) {
        at_ = {at_.hour + 1, 0, 0};
        continue;
      }
      if (uint32_t(group->id) != at_.group) at_ = {at_.hour, uint32_t(group->id), 0};
      const auto vms = next_vms(*group);
      if (vms.empty()) {
        at_ = {at_.hour, at_.group + 1, 0};
        continue;
      }
      ++reads_;
      DF_TRY(read(*group, vms));
    }
    tell("end", "");
    return false;
  }

  void tell(std::string_view what, std::string_view text) {
    if (asked_.format == ExportFormat::kLines) {
      out_ += fmt::format("# {} {}\n", what, text);
    } else {
      JsonWriter(out_).begin_object().field(what, text).end_object();
      out_.push_back('\n');
    }
  }

  std::vector<const SelectedVm*> next_vms(const ExportGroup& group) const {
    std::vector<const SelectedVm*> out;
    for (const SelectedVm& vm : asked_.vms) {
      if (uint32_t(vm.entry->id) <= at_.vm) continue;
      if (group.measurement && group.measurement->ns != vm.entry->identity.ns) continue;
      out.push_back(&vm);
      if (out.size() == kReadVms) break;
    }
    return out;
  }

  Result<> read(const ExportGroup& group, std::vector<const SelectedVm*> vms) {
    ReadRequest request;
    request.group = group.id;
    request.devices = ReadRequest::Devices::kAll;
    request.range = {std::max(asked_.range.begin, from_unix_ns(at_.hour * kHour)),
                     std::min(asked_.range.end, from_unix_ns((at_.hour + 1) * kHour))};
    for (const SelectedVm* vm : vms) request.vms.push_back(vm->entry->id);
    if (vms.size() > 1) request.rows_max = kReadRows;
    auto answer = read_and_wait(parts_.reader, request, kReadTimeout);
    if (!answer && answer.error().code == ErrorCode::kResourceExhausted && vms.size() > 1) {
      vms.resize(1);
      return read(group, std::move(vms));
    }
    if (!answer) return fail(answer.error());
    for (const std::string& missing : answer->missing_parts) tell("missing", missing);
    for (const SeriesRows& series : answer->series) {
      const auto* const vm = *std::ranges::find_if(vms, [&](const auto* one) { return one->entry->id == series.vm; });
      append_export(
          out_, asked_.format,
          {vm->entry->identity, *vm->labels, group.name, group.measurement != nullptr, series.device, group.fields},
          series.rows);
    }
    at_.vm = uint32_t(vms.back()->entry->id);
    return {};
  }

  const ApiParts& parts_;
  const Asked asked_;
  const std::vector<ExportGroup> groups_;
  Position at_;
  size_t reads_ = 0;
  size_t bytes_ = 0;  // Of earlier pieces.
  std::string out_;   // The piece.
};

}  // namespace

void answer_export(const ApiParts& parts, Call call) {
  auto asked = read_asked(parts, call.request);
  if (!asked) return answer_error(call.responder, asked.error());
  const bool lines = asked->format == ExportFormat::kLines;
  answer_in_pieces(call.responder, std::make_unique<ExportBody>(parts, std::move(*asked)),
                   lines ? "text/plain; charset=utf-8" : "application/x-ndjson");
}

}  // namespace dragonfly
