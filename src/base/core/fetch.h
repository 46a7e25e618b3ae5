// fetch: asks for an object's memory before it is needed, so that the wait for it passes beside other work.
//
// Units      none.
// Ownership  looks at nothing: the object may even be gone.
// Threading  pure.
// Errors     none.
// Limits     kFetchBytesMax; hardware asks for what follows by itself.
#pragma once

#include <algorithm>
#include <cstddef>

namespace dragonfly {

inline constexpr size_t kFetchBytesMax = 512;

inline void fetch_bytes(const void* at, size_t bytes) {
  constexpr size_t kLine = 64;
  const auto* const begin = static_cast<const char*>(at);
  for (size_t offset = 0; offset < std::min(bytes, kFetchBytesMax); offset += kLine) __builtin_prefetch(begin + offset);
}

template <class T>
void fetch(const T& object) {
  fetch_bytes(&object, sizeof(T));
}

}  // namespace dragonfly
