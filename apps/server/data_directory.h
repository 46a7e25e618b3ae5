// DataDirectory: how commands find out whether a server runs on a data directory, and where it listens.
//
// Units      none.
// Ownership  values; lock_data() holds the directory until its result dies.
// Threading  one thread.
// Errors     kNotFound: there is no such directory. kUnavailable: a server holds it; the message names its process and, where
//            that is known, its address.
// Limits     none.
#pragma once

#include <optional>
#include <string>

#include "base/fs/file.h"

namespace dragonfly {

// File in the data directory of a running server: its "listening …" line.
inline constexpr std::string_view kListeningName = "listening";

Result<DirectoryLock> lock_data(const Path& data);
// ADDR:PORT of the API as the file says; nullopt where no server has said so.
std::optional<std::string> listening_http(const Path& data);

// Whether that is HTTPS.
bool listens_with_tls(const Path& data);

}  // namespace dragonfly
