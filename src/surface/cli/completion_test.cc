#include "surface/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace dragonfly {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<CompletionCommand> commands() {
  return {{"", {"metric", "completion"}, {{"--help"}, {"--output", true, {"table", "json"}}, {"--server", true}}},
          {"metric", {"list", "get"}, {{"--help"}}},
          {"metric list", {}, {{"--help"}}},
          {"metric get", {"cpu", "disk"}, {{"--help"}, {"--vm", true}, {"--statistic", true, {"avg", "max"}}}},
          {"completion", {"bash", "zsh"}, {{"--help"}}}};
}

// What bash itself offers for the words of a command line, the last of which is being typed.
std::string bash_offers(const std::string& words) {
  const std::string path = testing::TempDir() + "/cbmon_completion_test.bash";
  std::ofstream(path) << *completion_script("bash", commands()) << "\nCOMP_WORDS=(" << words
                      << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_cbmon\n"
                      << "echo -n \"${COMPREPLY[*]}\"\n";
  FILE* bash = popen(("bash --norc '" + path + "' 2>&1").c_str(), "r");
  std::string out;
  for (int c = std::getc(bash); c != EOF; c = std::getc(bash)) out.push_back(static_cast<char>(c));
  EXPECT_EQ(pclose(bash), 0) << out;
  (void)std::remove(path.c_str());
  return out;
}

TEST(Completion, BashOffersWhatFits) {
  const auto f = [](const std::string& words, const std::string& want) {
    EXPECT_EQ(bash_offers(words), want) << words;
  };
  f("cbmon ''", "metric completion --help --output --server");
  f("cbmon m", "metric");
  f("cbmon x", "");
  f("cbmon metric ''", "list get --help --output --server");
  f("cbmon metric get ''", "cpu disk --help --vm --statistic --output --server");
  f("cbmon metric get c", "cpu");
  f("cbmon metric get cpu --v", "--vm");
  f("cbmon metric get --out", "--output");
  f("cbmon metric get --statistic ''", "avg max");
  f("cbmon metric get --statistic m", "max");
  f("cbmon metric get --vm ''", "");  // A name that only the server knows.
  f("cbmon --output j", "json");
  f("cbmon --output json metric g", "get");
  f("cbmon metric list --output ''", "table json");
  f("cbmon get ''", "metric completion --help --output --server");  // Not a command here.
  f("cbmon '*' m", "metric");                                       // Words are words, not patterns.
}

// The same choices as bash's, in the shell's own spelling.
TEST(Completion, ZshChoosesByTheSameWords) {
  const std::string script = *completion_script("zsh", commands());
  EXPECT_TRUE(script.starts_with("#compdef cbmon\n"));
  EXPECT_THAT(
      script,
      HasSubstr("in (\" metric\"|\" metric list\"|\" metric get\"|\" completion\") at=\"$at $word\" ;; esac\n"));
  EXPECT_THAT(script, HasSubstr("    (--statistic) choices=\"avg max\" ;;\n"));
  EXPECT_THAT(script,
              HasSubstr("      (\" metric get\") choices=\"cpu disk --help --vm --statistic --output --server\" ;;\n"));
  EXPECT_THAT(script, Not(HasSubstr("(--help)"))) << "a flag has no value";
}

TEST(Completion, FishHasALineForEachChoice) {
  const std::string script = *completion_script("fish", commands());
  const std::string here = "complete -c cbmon -f -n 'test (__cbmon_at) = \"metric get\"' ";
  EXPECT_THAT(script, HasSubstr("      case 'metric' 'metric list' 'metric get' 'completion'\n"));
  EXPECT_THAT(script, HasSubstr(here + "-a 'cpu disk'\n"));
  EXPECT_THAT(script, HasSubstr(here + "-l vm -x -a ''\n"));
  EXPECT_THAT(script, HasSubstr(here + "-l statistic -x -a 'avg max'\n"));
  EXPECT_THAT(script, HasSubstr("complete -c cbmon -f -l output -x -a 'table json'\n"))
      << "understood after every command";
  EXPECT_THAT(script, HasSubstr("complete -c cbmon -f -n 'test (__cbmon_at) = \"\"' -a 'metric completion'\n"));
}

TEST(Completion, AnotherShellIsRefused) {
  const auto f = [](std::string_view shell) {
    const auto script = completion_script(shell, commands());
    ASSERT_FALSE(script.has_value());
    EXPECT_EQ(script.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(script.error().message, HasSubstr("'" + std::string(shell) + "' is not a shell"));
  };
  f("");
  f("Bash");
  f("tcsh");
}

}  // namespace
}  // namespace dragonfly
