// Inside surface/api: the files of web/, embedded by web/embed.cmake.
//
// Units      none.
// Ownership  constants.
// Threading  constant.
// Errors     none.
// Limits     none.
#pragma once

#include <span>
#include <string_view>

namespace dragonfly {

struct PageFile {
  std::string_view name;
  std::string_view content_type;
  std::string_view text;
};

std::span<const PageFile> page_files();

}  // namespace dragonfly
