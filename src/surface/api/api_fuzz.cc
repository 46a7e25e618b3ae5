// Any method, target and body at the routes, by an admin: each is answered once, and what is wrong with it is the
// asker's fault, never the server's. The input is "METHOD TARGET LF body".
#include "base/core/assert.h"
#include "surface/api/testing/api_fixture.h"

namespace dragonfly {
namespace {

class Rig final : public ApiFixture {
 public:
  Rig() {
    VmEntry& entry = vm("ns-1", "mcis-1", "vm-1");
    directory.label(entry, {{"csp", "aws"}, {"region", "eu"}});
    for (int second = 0; second < 60; second += 2) {
      row(entry, GroupId::kCpu, clock.wall() - std::chrono::seconds(60 - second), {{"cpu_utilization", second}});
    }
  }
  void TestBody() override {}

  void run(std::string_view text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const size_t space = std::min(line.find(' '), line.size());
    const std::string method(line.substr(0, space));
    const std::string target(line.substr(std::min(space + 1, line.size())));
    if (!parse_target(target)) return;
    const HttpResponse response = ask(target, {}, method, std::string(text));
    DF_ASSERT(response.status >= 200 && response.status < 600 && response.status != 500);
    if (response.status < 400) return;
    DF_ASSERT(response.body.find("\"message\":\"") != std::string::npos && response.body.size() <= 8192);
  }
};

}  // namespace
}  // namespace dragonfly

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dragonfly::Rig rig;
  rig.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
