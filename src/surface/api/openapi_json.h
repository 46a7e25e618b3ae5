// Inside surface/api: docs/api/openapi.yaml as JSON, as the page at /api reads it.
//
// Units      none.
// Ownership  the text is made once and kept.
// Threading  any thread.
// Errors     none: a test reads the document.
// Limits     none.
#pragma once

#include <string>

namespace dragonfly {

const std::string& openapi_json();

}  // namespace dragonfly
