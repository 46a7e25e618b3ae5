#include "surface/api/scope.h"

#include <algorithm>

namespace dragonfly {
namespace {

tl::unexpected<Error> not_allowed() {
  return fail(ErrorCode::kPermissionDenied, "a token of single namespaces makes nothing here");
}

class ScopedDirectory final : public Directory {
 public:
  ScopedDirectory(Directory& all, const Scope& scope) : all_(all), scope_(scope) {}
  Result<VmEntry*> intern_vm(const VmIdentity&) override { return not_allowed(); }
  VmEntry* find_vm(const VmIdentity& identity) override {
    return scope_.sees(identity.ns) ? all_.find_vm(identity) : nullptr;
  }
  VmEntry* find_vm(VmId id) override {
    VmEntry* const found = all_.find_vm(id);
    return found != nullptr && scope_.sees(found->identity.ns) ? found : nullptr;
  }
  std::vector<VmEntry*> find_in_any_namespace(std::string_view mcis, std::string_view vm) override {
    return seen(all_.find_in_any_namespace(mcis, vm));
  }
  std::vector<VmEntry*> vms() override { return seen(all_.vms()); }
  std::vector<VmEntry*> vms_from(size_t known) override { return seen(all_.vms_from(known)); }
  Result<std::shared_ptr<const KnownDictionary>> intern_dictionary(ByteView) override { return not_allowed(); }
  std::shared_ptr<const KnownDictionary> find_dictionary(DictionaryId id) override { return all_.find_dictionary(id); }
  Result<std::shared_ptr<const Measurement>> intern_measurement(std::string_view, std::string_view,
                                                                const std::vector<MeasurementRecord::Field>&) override {
    return not_allowed();
  }
  std::shared_ptr<const Measurement> find_measurement(std::string_view ns, std::string_view name) override {
    return scope_.sees(ns) ? all_.find_measurement(ns, name) : nullptr;
  }
  std::shared_ptr<const Measurement> find_measurement(GroupId group) override {
    auto found = all_.find_measurement(group);
    return found && scope_.sees(found->ns) ? found : nullptr;
  }

 private:
  std::vector<VmEntry*> seen(std::vector<VmEntry*> vms) const {
    std::erase_if(vms, [&](const VmEntry* vm) { return !scope_.sees(vm->identity.ns); });
    return vms;
  }
  Directory& all_;
  const Scope& scope_;
};

class ScopedFeed final : public RowFeed {
 public:
  ScopedFeed(RowFeed& all, const Scope& scope) : all_(all), scope_(scope) {}
  Result<std::unique_ptr<Subscription>> subscribe(RowFilter filter, Listener listener) override {
    return all_.subscribe(std::move(filter), [this, listener = std::move(listener)](const auto& row) {
      if (scope_.sees(row->vm->identity.ns)) listener(row);
    });
  }

 private:
  RowFeed& all_;
  const Scope& scope_;
};

// Lines name their namespaces themselves: the door looks at each.
class ScopedDoor final : public RowDoor {
 public:
  ScopedDoor(RowDoor& all, const Scope& scope) : all_(all), scope_(scope) {}
  void write_lines(Lines lines, Done done) override {
    lines.namespaces = scope_.namespaces;
    all_.write_lines(std::move(lines), std::move(done));
  }

 private:
  RowDoor& all_;
  const Scope& scope_;
};

}  // namespace

struct Scopes::View {
  View(const ApiParts& all, Scope given)
      : scope(std::move(given)),
        directory(all.directory, scope),
        feed(all.feed, scope),
        door(all.door, scope),
        parts{.directory = directory,
              .reader = all.reader,
              .questions = all.questions,
              .agents = all.agents,
              .frames = all.frames,
              .feed = feed,
              .door = door,
              .metrics = all.metrics,
              .health = all.health,
              .clock = all.clock,
              .workers = all.workers,
              .policy = all.policy,
              .backups = all.backups,
              .tokens = all.tokens,
              .gate = all.gate,
              .policies = all.policies,
              .collectors = all.collectors,
              .audit = all.audit,
              .enrolment = all.enrolment,
              .place = all.place,
              .agents_changed = all.agents_changed,
              .notes = all.notes,
              .version = all.version,
              .package_dir = all.package_dir,
              .cors_origins = all.cors_origins} {}
  const Scope scope;
  ScopedDirectory directory;
  ScopedFeed feed;
  ScopedDoor door;
  const ApiParts parts;
};

Scopes::Scopes(const ApiParts& parts) : parts_(parts) {}
Scopes::~Scopes() = default;

const ApiParts& Scopes::of(const Scope& scope) {
  if (scope.is_all()) return parts_;
  const std::lock_guard lock(mutex_);
  auto& view = views_[scope];
  if (!view) view = std::make_unique<View>(parts_, scope);
  return view->parts;
}

}  // namespace dragonfly
