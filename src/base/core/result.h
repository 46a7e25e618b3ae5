// Result<T>: a value or an Error, at every module boundary.
//
// Units      none.
// Ownership  an Error owns its message.
// Threading  values; no shared state.
// Errors     codes say what a caller can do about it, not where it came from. Messages name the parameter or
//            file, what was wrong and what is allowed; they are shown to people.
// Limits     none.
#pragma once

#include <fmt/core.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace dragonfly {

enum class ErrorCode {
  kInvalidArgument,    // The caller's input is wrong; the same call will fail again.
  kNotFound,           // What was named is not there.
  kAlreadyExists,      // What should be made is there already.
  kConflict,           // The input contradicts what is stored (a type, an owner).
  kUnauthenticated,    // Who calls could not be established.
  kPermissionDenied,   // Who calls may not do this.
  kResourceExhausted,  // A limit is reached; the message names it.
  kUnavailable,        // May succeed later (overload, shutdown, peer away).
  kTimeout,            // No answer in time.
  kNoSpace,            // The disk is full; may succeed later.
  kCorruption,         // Stored or received bytes are damaged.
  kIo,                 // The environment failed otherwise.
  kUnsupported,        // Known, but not in this build or version.
};

struct Error {
  ErrorCode code;
  std::string message;
};

template <class T = void>
using Result = tl::expected<T, Error>;

// return fail(ErrorCode::kNotFound, "vm '{}' is not known", vm);
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// return fail(result.error());  hands an error on unchanged.
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace dragonfly

// Leaves the function with the error of `expression`, which yields a Result.
#define DF_TRY(expression)                                       \
  do {                                                           \
    if (auto df_result_ = (expression); !df_result_.has_value()) \
      return ::dragonfly::fail(std::move(df_result_).error());   \
  } while (false)
