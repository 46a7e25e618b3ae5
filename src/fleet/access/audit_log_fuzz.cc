// Whatever stands in the audit log: what is taken from it is written and read as the same.
#include "base/core/assert.h"
#include "fleet/access/audit_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dragonfly;
  const auto entries = parse_audit_lines({reinterpret_cast<const char*>(data), size});
  std::string text;
  for (const AuditEntry& entry : entries) text += format_audit_line(entry);
  DF_ASSERT(parse_audit_lines(text).size() == entries.size());
  return 0;
}
