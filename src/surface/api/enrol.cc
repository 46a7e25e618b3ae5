// How a machine becomes an agent: whom to believe, and its key in exchange for a token.
#include <boost/json.hpp>

#include "base/core/names.h"
#include "surface/api/body.h"
#include "surface/api/enrolment_url.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

namespace json = boost::json;

// Host headers are anybody's text, and this one ends up in a shell.
bool is_plain_host(std::string_view host) {
  return !host.empty() && host.size() <= 260 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']';
  });
}

Result<EnrolmentWish> read_wish(const HttpRequest& request) {
  DF_TRY(only_parameters(request, ""));
  const auto body = json_body(request, "vm machine firmware instance");
  if (!body) return fail(body.error());
  EnrolmentWish out;
  auto vm = body_text(*body, "vm");
  if (!vm) return fail(vm.error());
  DF_TRY(check_name("vm", *vm));
  out.vm = std::move(*vm);
  for (const auto& [key, to] :
       {std::pair("machine", &out.machine.machine), std::pair("firmware", &out.machine.firmware),
        std::pair("instance", &out.machine.instance)}) {
    const auto text = body_text(*body, key, "-");
    if (!text) return fail(text.error());
    auto mark = parse_machine_mark(*text);
    if (!mark) {
      return fail(ErrorCode::kInvalidArgument, "key '{}' is '{}'; allowed are 16 hexadecimal digits, and -", key,
                  text->substr(0, 100));
    }
    *to = std::move(*mark);
  }
  return out;
}

// Since the VM's native agent was heard; none where nobody was, as far as this server knows.
std::optional<Duration> silence_of(const ApiParts& parts, const VmIdentity& identity) {
  const VmEntry* vm = parts.directory.find_vm(identity);
  if (vm == nullptr) return std::nullopt;
  if (const int64_t heard = vm->last_arrival_ns; heard != 0)
    return parts.clock.monotonic() - MonotonicTime(Duration(heard));
  const int64_t row = vm->last_row_ns;
  if (row == 0) return std::nullopt;
  return std::max(Duration(0), parts.clock.wall() - from_unix_ns(row));
}

std::string udp_of(const EnrolmentPlace& place, const HttpRequest& request) {
  if (!place.advertise.empty()) return place.advertise;
  const std::string_view host = request.header("host");
  if (!is_plain_host(host)) return {};
  const std::string name = host_name(host);
  const bool v6 = name.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", name, v6 ? "]" : "", place.udp_port);
}

std::string told(const ApiParts& parts, const Call& call, const Enrolment::Enrolled& enrolled) {
  const EnrolmentPlace place = parts.place();
  const AgentKey& key = enrolled.key;
  std::string text;
  JsonWriter out(text);
  out.begin_object().field("agent_id", std::string_view(fmt::format("{:016x}", key.agent_id)));
  out.field("epoch", uint64_t{key.epoch}).field("key", std::string_view(to_hex(key.key)));
  out.field("ns", std::string_view(key.ns)).field("mcis", std::string_view(key.mcis));
  out.field("vm", std::string_view(key.vm)).field("udp", std::string_view(udp_of(place, call.request)));
  out.key("authority");
  place.authority&&* place.authority ? out.value(std::string_view((*place.authority)->pem)) : out.null();
  const Policy policy = parts.policy()->of(key.ns);
  out.field("agent_interval", std::string_view(format_duration(policy.agent_interval))).end_object();
  return text;
}

// What the audit log says: no secret.
std::string noted(const Enrolment::Enrolled& enrolled) {
  std::string text;
  JsonWriter out(text);
  const AgentKey& key = enrolled.key;
  out.begin_object().field("agent_id", std::string_view(fmt::format("{:016x}", key.agent_id)));
  out.field("ns", std::string_view(key.ns)).field("mcis", std::string_view(key.mcis));
  out.field("vm", std::string_view(key.vm)).field("token", std::string_view(enrolled.token.id));
  if (enrolled.replaced) out.field("replaced", std::string_view(fmt::format("{:016x}", enrolled.replaced->agent_id)));
  out.end_object();
  return text;
}

}  // namespace

std::string own_url(const HttpRequest& request, bool tls) {
  const std::string_view host = request.header("host");
  return is_plain_host(host) ? fmt::format("{}://{}", tls ? "https" : "http", host) : "";
}

void answer_authority(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  const auto authority = parts.place().authority;
  if (!authority) {
    return call.responder.answer(
        error_response(404, "this server speaks in clear; nobody vouches for it (see tls.mode)"));
  }
  if (!*authority) return answer_error(call.responder, {ErrorCode::kNotFound, authority->error().message});
  HttpResponse response;
  response.content_type = "application/x-pem-file";
  response.body = (*authority)->pem;
  call.responder.answer(std::move(response));
}

void answer_enroll(const ApiParts& parts, Call call) {
  if (auto refused = parts.gate.refuses_source(call.request)) return call.responder.answer(std::move(*refused));
  const std::string token(carried_token(call.request).text);
  const auto good = parts.enrolment.check_token(token);
  if (!good) return call.responder.answer(parts.gate.refuse_token(call.request, good.error().message));
  auto wish = read_wish(call.request);
  if (!wish) return answer_error(call.responder, wish.error());
  wish->token = token;
  wish->silent = silence_of(parts, {good->ns, good->mcis, wish->vm});
  auto enrolled = parts.enrolment.enrol(*wish);
  if (!enrolled) return answer_error(call.responder, enrolled.error());
  call.principal.name = fmt::format("agent token {}", good->name.empty() ? good->id : good->name);
  note_change(parts, call, "agent enroll", "", noted(*enrolled));
  parts.agents_changed();
  HttpResponse response;
  response.status = 201;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = told(parts, call, *enrolled);
  wipe(enrolled->key.key);
  call.responder.answer(std::move(response));
}

}  // namespace dragonfly
