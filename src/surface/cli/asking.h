// Inside surface/cli: asking the server for JSON, and saying what went wrong so that it helps.
//
// Units      none.
// Ownership  results own their text.
// Threading  one thread.
// Errors     said in the session's errors; `code` is set to the exit code.
// Limits     those of HttpClient.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "surface/cli/commands.h"

namespace dragonfly {

// Says `message` on standard error; returns `code`.
int refuse(CliSession& session, int code, std::string_view message);
void show(CliSession& session, const Table& table);

// As the server writes it: numbers without exponents. Nesting is bounded by the parser's.
std::string json_text(const boost::json::value& value);
// A value as people read it: texts without quotes.
std::string text_of(const boost::json::value& value);
// The member's text; empty where it is not there or is none.
std::string member(const boost::json::value& object, std::string_view name);
const boost::json::array* array_member(const boost::json::value& object, std::string_view name);

std::optional<double> number_member(const boost::json::value& object, std::string_view name);
// The member as text, whatever it is; empty where it is not there.
std::string shown_member(const boost::json::value& object, std::string_view name);

// One row for each object of `rows` (may be null): the members that are named, under titles in upper case. As JSON the
// whole answer.
int show_rows(CliSession& session, const boost::json::value& answer, const boost::json::array* rows,
              const std::vector<std::string_view>& members);
// One row for each member of an object: KEY and VALUE.
int show_members(CliSession& session, const boost::json::value& object);
// Something was done: a sentence for people, else the server's answer.
int show_done(CliSession& session, const boost::json::value& answer, std::string_view sentence);

// KEY=VALUE each, as the members of a body; refuses what is not, with an example of what is.
std::optional<boost::json::object> read_changes(CliSession& session, const std::vector<std::string>& changes,
                                                std::string_view example, int& code);

// Sends a request to a path of the session's server (`body` empty: without one); null where the answer is empty.
std::optional<boost::json::value> ask(CliSession& session, std::string_view method, const std::string& path,
                                      const std::string& body, int& code);
inline std::optional<boost::json::value> ask(CliSession& session, const std::string& path, int& code) {
  return ask(session, "GET", path, {}, code);
}

}  // namespace dragonfly
