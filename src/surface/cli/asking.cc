#include "surface/cli/asking.h"

#include "base/core/json_writer.h"

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

std::string_view what_there_is(std::string_view path) {
  if (path.starts_with("/api/v1/collectors")) return "\n`cbmon collector list` shows those that there are.";
  if (path.starts_with("/api/v1/agents/tokens")) return "\n`cbmon agent token list` shows those that there are.";
  if (path.starts_with("/api/v1/tokens")) return "\n`cbmon token list` shows those that there are.";
  if (path.starts_with("/dragonfly/config")) return "\n`cbmon config history` shows the versions that there are.";
  return "\n`cbmon mcis list` and `cbmon agent list` show what there is.";
}

void write_json(JsonWriter& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::object:
      out.begin_object();
      for (const auto& [name, one] : value.get_object()) write_json(out.key({name.data(), name.size()}), one);
      out.end_object();
      return;
    case json::kind::array:
      out.begin_array();
      for (const json::value& one : value.get_array()) write_json(out, one);
      out.end_array();
      return;
    case json::kind::string: out.value(std::string_view(value.get_string().data(), value.get_string().size())); return;
    case json::kind::double_: out.value(value.get_double()); return;
    case json::kind::int64: out.value(value.get_int64()); return;
    case json::kind::uint64: out.value(value.get_uint64()); return;
    case json::kind::bool_: out.value(value.get_bool()); return;
    case json::kind::null: out.null(); return;
  }
}

std::string_view advice(long status, std::string_view path) {
  switch (status) {
    case 401: return "\nGive a token with --token or CBMON_TOKEN; an admin makes one by `cbmon token new`.";
    case 403: return "\nTry a token of a higher role, or one that sees the namespace; `cbmon token list` shows them.";
    case 404: return what_there_is(path);
    case 429: return "\nTry again in a second; the server's api.requests_per_second says how often one may ask.";
    case 501:
      return "\nAnother version of the server may know it; `cbmon version` and `cbmon health` tell of these two.";
    case 503:
    case 504: return "\nTry again; `cbmon health` says how the server is.";
    default: return "";
  }
}

}  // namespace

int refuse(CliSession& session, int code, std::string_view message) {
  session.errors += fmt::format("cbmon: {}\n", message);
  return code;
}

void show(CliSession& session, const Table& table) {
  session.out += session.output == OutputForm::kCsv ? table.csv() : table.text(session.style);
}

std::string json_text(const json::value& value) {
  std::string text;
  JsonWriter out(text);
  write_json(out, value);
  return text;
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string().data(), value.get_string().size());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return json_text(value);
}

std::string member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found != nullptr && found->is_string() ? text_of(*found) : std::string();
}

const json::array* array_member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found != nullptr && found->is_array() ? &found->get_array() : nullptr;
}

std::optional<double> number_member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found != nullptr && found->is_number() ? std::optional(found->to_number<double>()) : std::nullopt;
}

std::string shown_member(const json::value& object, std::string_view name) {
  const json::value* found = find_member(object, name);
  return found == nullptr ? std::string() : text_of(*found);
}

int show_rows(CliSession& session, const json::value& answer, const json::array* rows,
              const std::vector<std::string_view>& members) {
  if (session.output == OutputForm::kJson) {
    session.out += json_text(answer) + "\n";
    return kExitDone;
  }
  std::vector<Table::Column> columns;
  for (const std::string_view member : members) {
    Table::Column& column = columns.emplace_back();
    for (const char c : member) column.title.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  Table table(std::move(columns));
  for (size_t i = 0; rows != nullptr && i < rows->size(); ++i) {
    std::vector<std::string> cells;
    for (const std::string_view member : members) cells.push_back(shown_member((*rows)[i], member));
    table.add(std::move(cells));
  }
  show(session, table);
  return kExitDone;
}

int show_members(CliSession& session, const json::value& object) {
  if (session.output == OutputForm::kJson) {
    session.out += json_text(object) + "\n";
    return kExitDone;
  }
  Table table({{"KEY"}, {"VALUE"}});
  if (object.is_object()) {
    for (const auto& [name, value] : object.get_object())
      table.add({std::string(name.data(), name.size()), text_of(value)});
  }
  show(session, table);
  return kExitDone;
}

int show_done(CliSession& session, const json::value& answer, std::string_view sentence) {
  if (session.output != OutputForm::kTable) return show_members(session, answer);
  session.errors += printable(sentence) + "\n";
  return kExitDone;
}

std::optional<json::object> read_changes(CliSession& session, const std::vector<std::string>& changes,
                                         std::string_view example, int& code) {
  json::object body;
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    if (equals == 0 || equals == std::string::npos) {
      code = refuse(session, kExitUsage, fmt::format("'{}' is not KEY=VALUE, like {}", change, example));
      return std::nullopt;
    }
    body[change.substr(0, equals)] = change.substr(equals + 1);
  }
  return body;
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
    text += advice(answer->status, path);
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
