#include "surface/cli/asking.h"

namespace dragonfly {

namespace json = boost::json;

namespace {

const json::value* find_member(const json::value& object, std::string_view name) {
  return object.is_object() ? object.get_object().if_contains({name.data(), name.size()}) : nullptr;
}

int say_unanswered(CliSession& session, const Error& error) {
  if (error.code == ErrorCode::kInvalidArgument) return refuse(session, kExitUsage, error.message);
  if (error.code == ErrorCode::kUnauthenticated) {
    return refuse(session, kExitUnreachable, fmt::format("{}: {}", session.server, error.message));
  }
  return refuse(session, kExitUnreachable,
                fmt::format("{} does not answer: {}\nIs the server running? Start it with `make run`, or name another "
                            "with --server URL or CBMON_SERVER.",
                            session.server, error.message));
}

}  // namespace

int refuse(CliSession& session, int code, std::string_view message) {
  session.errors += fmt::format("cbmon: {}\n", message);
  return code;
}

void show(CliSession& session, const Table& table) {
  session.out += session.output == OutputForm::kCsv ? table.csv() : table.text(session.style);
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string().data(), value.get_string().size());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return json::serialize(value);
}

std::string member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found != nullptr && found->is_string() ? text_of(*found) : std::string();
}

const json::array* array_member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found != nullptr && found->is_array() ? &found->get_array() : nullptr;
}

std::optional<json::value> ask(CliSession& session, std::string_view method, const std::string& path,
                               const std::string& body, int& code) {
  const std::string url = session.server + path;
  const auto answer = session.http.send({std::string(method), url, body});
  if (!answer) {
    code = say_unanswered(session, answer.error());
    return std::nullopt;
  }
  if (session.verbose) {
    session.errors += fmt::format("{} {} → {} in {:.0f} ms, {} bytes\n", method, url, answer->status,
                                  answer->seconds * 1000, answer->body.size());
  }
  boost::system::error_code error;
  json::value value;
  if (answer->status != 204) value = json::parse({answer->body.data(), answer->body.size()}, error);
  if (answer->status < 200 || answer->status > 299) {
    const std::string message = error ? std::string() : printable(member(value, "message"));
    std::string text =
        fmt::format("the server answers {}: {}", answer->status, message.empty() ? "without a reason" : message);
    if (answer->status == 401)
      text += "\nGive a token with --token or CBMON_TOKEN; an admin makes one by `cbmon token new`.";
    code = refuse(session, kExitRefused, text);
    return std::nullopt;
  }
  if (error) {
    code = refuse(session, kExitRefused,
                  fmt::format("{} answered something that is not JSON; is it a CB-Dragonfly server?", url));
    return std::nullopt;
  }
  return value;
}

}  // namespace dragonfly
