// Files for machines that become monitored: what lies in the package directory, under names that are made here from words
// of a list, so that no request names a path.
#include "base/fs/file.h"
#include "surface/api/api.h"
#include "surface/api/enrolment_url.h"
#include "surface/api/params.h"
#include "surface/api/routes.h"
#include "surface/api/subject.h"

namespace dragonfly {
namespace {

constexpr uint64_t kPackageBytesMax = 64u << 20;

// In the install script, where the server's address belongs.
constexpr std::string_view kServerMark = "@SERVER@";

void put_server(std::string& script, const std::string& url) {
  const size_t at = script.find(kServerMark);
  if (at != std::string::npos) script.replace(at, kServerMark.size(), url);
}

void answer_file(const ApiParts& parts, const Call& call, const std::string& name, std::string_view content_type) {
  if (!parts.package_dir.empty()) {
    auto content = system_files().read_file(Path(parts.package_dir) / name, kPackageBytesMax);
    if (content) {
      HttpResponse response;
      response.content_type = content_type;
      response.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}\"", name));
      response.body = as_text(*content);
      if (call.path.get("file") == "install")
        put_server(response.body, own_url(call.request, parts.place().authority.has_value()));
      return call.responder.answer(std::move(response));
    }
    if (content.error().code != ErrorCode::kNotFound) return answer_error(call.responder, content.error());
  }
  call.responder.answer(error_response(
      404,
      fmt::format("the file {} is not in the package directory (server.package_dir); `make packages` makes packages",
                  name)));
}

// How the kinds of packages call a processor.
struct Processor {
  std::string_view asked, deb, rpm, txz, other;
};
constexpr Processor kProcessors[] = {{"x64", "amd64", "x86_64", "x86_64", "x86_64"},
                                     {"arm64", "arm64", "aarch64", "aarch64", "aarch64"},
                                     {"armel", "armel", "armv5tel", "arm", "armel"}};

Result<std::string> package_name(const ApiParts& parts, const HttpRequest& request) {
  DF_TRY(only_parameters(request, "osType arch format"));
  const auto os = word_parameter(request, "osType", "linux|windows", "linux");
  if (!os) return fail(os.error());
  const auto arch = word_parameter(request, "arch", "x64|arm64|armel", "x64");
  if (!arch) return fail(arch.error());
  const bool windows = *os == "windows";
  const auto format = word_parameter(request, "format", windows ? "bin|zip" : "bin|deb|rpm|txz", "bin");
  if (!format) return fail(format.error());
  const auto* const processor = std::ranges::find(kProcessors, *arch, &Processor::asked);
  const std::string& version = parts.version;
  if (windows) return fmt::format("cb-agent-{}-windows-{}.zip", version, processor->other);
  if (*format == "deb") return fmt::format("cb-agent_{}_{}.deb", version, processor->deb);
  if (*format == "rpm") return fmt::format("cb-agent-{}-1.{}.rpm", version, processor->rpm);
  if (*format == "txz") return fmt::format("cb-agent-{}-{}-1.txz", version, processor->txz);
  return fmt::format("cb-agent-{}-linux-{}.tar.gz", version, processor->other);
}

}  // namespace

void answer_agent_file(const ApiParts& parts, Call call) {
  // Of the script and the configuration there is one for all: what is asked is checked all the same.
  const auto name = package_name(parts, call.request);
  if (!name) return answer_error(call.responder, name.error());
  const std::string& what = call.path.get("file");
  if (what == "install") return answer_file(parts, call, "cb-agent-install.sh", "text/x-shellscript");
  if (what == "conf") return answer_file(parts, call, "cb-agent.conf", "text/plain; charset=utf-8");
  answer_file(parts, call, *name, "application/octet-stream");
}

void answer_installer(const ApiParts& parts, Call call) {
  if (const auto known = only_parameters(call.request, ""); !known) return answer_error(call.responder, known.error());
  answer_file(parts, call, "cb-installer.exe", "application/octet-stream");
}

}  // namespace dragonfly
