#include "surface/cli/completion.h"

namespace dragonfly {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

std::string candidates(const CompletionCommand& command) {
  std::string out = joined(command.words);
  for (const auto& option : command.options) out.append(out.empty() ? "" : " ").append(option.name);
  return out;
}

// Options of all commands, each once.
std::vector<CompletionOption> all_options(const std::vector<CompletionCommand>& commands) {
  std::vector<CompletionOption> out;
  for (const auto& command : commands) {
    for (const auto& option : command.options) {
      bool known = false;
      for (const auto& other : out) known = known || other.name == option.name;
      if (!known) out.push_back(option);
    }
  }
  return out;
}

std::string quoted_paths(const std::vector<CompletionCommand>& commands, std::string_view separator) {
  std::string out;
  for (const auto& command : commands) {
    if (!command.path.empty()) out += fmt::format("{}\" {}\"", out.empty() ? "" : separator, command.path);
  }
  return out;
}

std::string bash_script(const std::vector<CompletionCommand>& commands) {
  std::string out =
      "# bash completion of cbmon; load it with: source <(cbmon completion bash)\n"
      "_cbmon() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" at=\"\" words=\"\" i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n";
  out += fmt::format("      {}) at=\"$at ${{COMP_WORDS[i]}}\" ;;\n    esac\n  done\n", quoted_paths(commands, "|"));
  out += "  case \"$before\" in\n";
  for (const auto& option : all_options(commands)) {
    if (!option.takes_value) continue;
    out += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n", option.name, joined(option.choices));
  }
  out += "  esac\n  case \"$at\" in\n";
  for (const auto& command : commands) {
    out += fmt::format("    \"{}{}\") words=\"{}\" ;;\n", command.path.empty() ? "" : " ", command.path, candidates(command));
  }
  return out + "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -F _cbmon cbmon\n";
}

std::string zsh_script(const std::vector<CompletionCommand>& commands) {
  std::string out =
      "#compdef cbmon\n"
      "# zsh completion of cbmon; load it with: source <(cbmon completion zsh)\n"
      "_cbmon() {\n"
      "  local at=\"\" word\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $word\" in\n";
  out += fmt::format("      ({}) at=\"$at $word\" ;;\n    esac\n  done\n", quoted_paths(commands, "|"));
  out += "  case \"${words[CURRENT-1]}\" in\n";
  for (const auto& option : all_options(commands)) {
    if (option.takes_value) out += fmt::format("    ({}) compadd -- {}; return ;;\n", option.name, joined(option.choices));
  }
  out += "  esac\n  case \"$at\" in\n";
  for (const auto& command : commands) {
    out += fmt::format("    (\"{}{}\") compadd -- {} ;;\n", command.path.empty() ? "" : " ", command.path, candidates(command));
  }
  return out + "  esac\n}\ncompdef _cbmon cbmon\n";
}

std::string fish_script(const std::vector<CompletionCommand>& commands) {
  std::string out =
      "# fish completion of cbmon; load it with: cbmon completion fish | source\n"
      "function __cbmon_at\n"
      "  set -l at ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch (string trim \"$at $word\")\n";
  std::string paths;
  for (const auto& command : commands) {
    if (!command.path.empty()) paths += fmt::format(" '{}'", command.path);
  }
  out += fmt::format("      case{}\n        set at (string trim \"$at $word\")\n    end\n  end\n  echo $at\nend\n", paths);
  for (const auto& command : commands) {
    const std::string where = fmt::format("complete -c cbmon -f -n 'test \"(__cbmon_at)\" = \"{}\"'", command.path);
    if (!command.words.empty()) out += fmt::format("{} -a '{}'\n", where, joined(command.words));
    for (const auto& option : command.options) {
      if (!option.name.starts_with("--")) continue;
      out += fmt::format("{} -l {}{}\n", where, option.name.substr(2),
                         !option.takes_value ? "" : fmt::format(" -x -a '{}'", joined(option.choices)));
    }
  }
  return out;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell, const std::vector<CompletionCommand>& commands) {
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  return fail(ErrorCode::kInvalidArgument, "'{}' is not a shell that is known; allowed are bash, zsh, fish", shell);
}

}  // namespace dragonfly
