// Inside surface/api: rows of an NDJSON export as lines that POST /write?exact=true takes. Drawn: docs/formats/export.md.
//
// Units      those of the export.
// Ownership  the answer owns its text.
// Threading  pure.
// Errors     kInvalidArgument names the line and what was wrong; then there are no lines at all.
// Limits     kNdjsonDepthMax levels of nesting; a text or number of kNdjsonTextMax bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/core/result.h"

namespace dragonfly {

inline constexpr size_t kNdjsonDepthMax = 4;
inline constexpr size_t kNdjsonTextMax = 64 * 1024;

Result<std::string> lines_of_ndjson(std::string_view text);

}  // namespace dragonfly
