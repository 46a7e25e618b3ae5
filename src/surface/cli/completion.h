// Shell completion, made from the tree of commands.
//
// Units      none.
// Ownership  values.
// Threading  pure.
// Errors     kInvalidArgument for a shell that is not known.
// Limits     none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"

namespace dragonfly {

struct CompletionOption {
  std::string name;  // "--output"
  bool takes_value = false;
  std::vector<std::string> choices;  // Values, where they are known.
};

struct CompletionCommand {
  std::string path;                // "", "metric", "metric get"
  std::vector<std::string> words;  // Subcommands, or known arguments.
  std::vector<CompletionOption> options;
};

// `shell` is bash, zsh or fish. The first command is the program itself.
Result<std::string> completion_script(std::string_view shell, const std::vector<CompletionCommand>& commands);

}  // namespace dragonfly
