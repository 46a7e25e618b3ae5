#include "surface/cli/completion.h"

#include <algorithm>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

// What may stand after a command: its words, its options, and those that every command takes.
std::string candidates(const CompletionCommand& command, const CompletionCommand& program) {
  std::vector<std::string> words = command.words;
  for (const auto& option : command.options) words.push_back(option.name);
  for (const auto& option : program.options) {
    if (std::ranges::find(words, option.name) == words.end()) words.push_back(option.name);
  }
  return joined(words);
}

// Options of all commands, each once.
std::vector<CompletionOption> all_options(const std::vector<CompletionCommand>& commands) {
  std::vector<CompletionOption> out;
  for (const auto& command : commands) {
    for (const auto& option : command.options) {
      if (std::ranges::find(out, option.name, &CompletionOption::name) == out.end()) out.push_back(option);
    }
  }
  return out;
}

// What bash and zsh read alike: from $before (the word before the cursor) and $at (the command so far, with a space
// before each of its words) to $choices.
std::string choose_words(const std::vector<CompletionCommand>& commands) {
  std::string out = "  case \"$before\" in\n";
  for (const auto& option : all_options(commands)) {
    if (option.takes_value) out += fmt::format("    ({}) choices=\"{}\" ;;\n", option.name, joined(option.choices));
  }
  out += "    (*) case \"$at\" in\n";
  for (const auto& command : commands) {
    out += fmt::format("      (\"{}{}\") choices=\"{}\" ;;\n", command.path.empty() ? "" : " ", command.path,
                       candidates(command, commands.front()));
  }
  return out + "    esac ;;\n  esac\n";
}

// The commands as alternatives of a case, each with a space before each of its words.
std::string path_pattern(const std::vector<CompletionCommand>& commands) {
  std::string out;
  for (const auto& command : commands) {
    if (!command.path.empty()) out += fmt::format("{}\" {}\"", out.empty() ? "" : "|", command.path);
  }
  return out;
}

std::string bash_script(const std::vector<CompletionCommand>& commands) {
  return fmt::format(
      "# bash completion of cbmon; load it with: source <(cbmon completion bash)\n"
      "_cbmon() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\" at=\"\" choices=\"\" "
      "word\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case \"$at $word\" in ({}) at=\"$at $word\" ;; esac\n"
      "  done\n"
      "{}"
      "  COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
      "}}\n"
      "complete -F _cbmon cbmon\n",
      path_pattern(commands), choose_words(commands));
}

std::string zsh_script(const std::vector<CompletionCommand>& commands) {
  return fmt::format(
      "#compdef cbmon\n"
      "# zsh completion of cbmon; load it with: source <(cbmon completion zsh)\n"
      "_cbmon() {{\n"
      "  local before=\"${{words[CURRENT-1]}}\" at=\"\" choices=\"\" word\n"
      "  for word in \"${{(@)words[2,CURRENT-1]}}\"; do\n"
      "    case \"$at $word\" in ({}) at=\"$at $word\" ;; esac\n"
      "  done\n"
      "{}"
      "  compadd -- ${{=choices}}\n"
      "}}\n"
      "compdef _cbmon cbmon\n",
      path_pattern(commands), choose_words(commands));
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
  out += fmt::format(
      "      case{}\n        set at (string trim \"$at $word\")\n    end\n  end\n  echo $at\nend\ncomplete -c cbmon "
      "-f\n",
      paths);
  for (const auto& command : commands) {
    const std::string here = fmt::format("complete -c cbmon -f -n 'test (__cbmon_at) = \"{}\"'", command.path);
    if (!command.words.empty()) out += fmt::format("{} -a '{}'\n", here, joined(command.words));
    // The program's own options are understood after every command.
    const std::string where = command.path.empty() ? "complete -c cbmon -f" : here;
    for (const auto& option : command.options) {
      out += fmt::format("{} -l {}{}\n", where, option.name.substr(std::string_view("--").size()),
                         !option.takes_value ? "" : fmt::format(" -x -a '{}'", joined(option.choices)));
    }
  }
  return out;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell, const std::vector<CompletionCommand>& commands) {
  DF_ASSERT(!commands.empty() && commands.front().path.empty());
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  return fail(ErrorCode::kInvalidArgument, "'{}' is not a shell that is known; allowed are bash, zsh, fish", shell);
}

}  // namespace dragonfly
