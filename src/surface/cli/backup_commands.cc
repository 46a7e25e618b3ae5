#include "surface/cli/backup_commands.h"

#include "surface/cli/asking.h"

namespace dragonfly {

namespace json = boost::json;

int make_backup(CliSession& session, const std::string& name, const std::function<bool()>& pause) {
  int code = kExitDone;
  auto status = ask(session, "POST", "/api/v1/backup" + (name.empty() ? name : "?name=" + url_encoded(name)), {}, code);
  if (!status) return code;
  const std::string made = member(*status, "name");
  while (member(*status, "state") == "running" && member(*status, "name") == made) {
    if (!pause()) {
      session.errors +=
          printable(fmt::format("backup '{}' goes on; `cbmon backup list` tells how far it is", made)) + "\n";
      return kExitDone;
    }
    status = ask(session, "/api/v1/backup", code);
    if (!status) return code;
  }
  if (member(*status, "name") != made || member(*status, "state") != "done") {
    return refuse(
        session, kExitRefused,
        printable(fmt::format("backup '{}' failed: {}; the server's log says more", made, member(*status, "message"))));
  }
  return show_done(session, *status,
                   fmt::format("backup '{}' lies in {} of the server: {} bytes", made, member(*status, "directory"),
                               shown_member(*status, "bytes_total")));
}

int list_backups(CliSession& session) {
  int code = kExitDone;
  const auto status = ask(session, "/api/v1/backup", code);
  if (!status) return code;
  if (session.output == OutputForm::kJson) return show_members(session, *status);
  Table table({{"NAME"}, {"STATE"}, {"BYTES", Table::Align::kRight}});
  const std::string newest = member(*status, "name");
  const std::string state = member(*status, "state");
  if (state == "running" || state == "failed")
    table.add({newest, state + (member(*status, "message").empty() ? "" : ": " + member(*status, "message")),
               shown_member(*status, "bytes_done")});
  const json::array* names = array_member(*status, "backups");
  for (size_t i = 0; names != nullptr && i < names->size(); ++i) {
    const std::string name = text_of((*names)[i]);
    table.add({name, "done", name == newest && state == "done" ? shown_member(*status, "bytes_total") : ""});
  }
  show(session, table);
  return kExitDone;
}

}  // namespace dragonfly
