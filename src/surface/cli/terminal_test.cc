// Keys; the terminal itself is looked at in tests/e2e/test_top.py, through a pseudo terminal.
#include "surface/cli/terminal.h"

#include <gtest/gtest.h>

namespace dragonfly {
namespace {

using Presses = std::vector<KeyPress>;

TEST(Terminal, UnderstandsItsKeys) {
  const auto f = [](std::string bytes, const Presses& want, const std::string& rest = "") {
    const std::string given = bytes;
    EXPECT_EQ(take_keys(bytes), want) << testing::PrintToString(given);
    EXPECT_EQ(bytes, rest) << testing::PrintToString(given);
  };
  f("", {});
  f("q", {{Key::kCharacter, 'q'}});
  f("\x03", {{Key::kCharacter, 3}});
  f("\x1b[A\x1b[B\x1b[C\x1b[D", {{Key::kUp}, {Key::kDown}, {Key::kRight}, {Key::kLeft}});
  f("\x1bOA\x1bOD", {{Key::kUp}, {Key::kLeft}});
  f("\x1b[5~\x1b[6~\x1b[H\x1b[4~", {{Key::kPageUp}, {Key::kPageDown}, {Key::kHome}, {Key::kEnd}});
  f("\x1b[1;5Aq", {{Key::kCharacter, 'q'}});  // Ctrl and an arrow: none of ours.
  f("\x1bq", {{Key::kCharacter, 'q'}});       // Escape alone is none, what follows is itself.
  f("\x1b[\x01q", {{Key::kCharacter, 1}, {Key::kCharacter, 'q'}});
  f("äq", {{Key::kCharacter, 'q'}});
  // Unfinished: the rest may come.
  f("\x1b", {}, "\x1b");
  f("x\x1b[", {{Key::kCharacter, 'x'}}, "\x1b[");
  f("\x1bO", {}, "\x1bO");
  f("\x1b[1;", {}, "\x1b[1;");
  f("\x1b[" + std::string(40, '1'), {});  // But not for ever.
}

TEST(Terminal, AKeyMayComeInPieces) {
  std::string bytes = "\x1b";
  EXPECT_EQ(take_keys(bytes), Presses{});
  bytes += "[";
  EXPECT_EQ(take_keys(bytes), Presses{});
  bytes += "A";
  EXPECT_EQ(take_keys(bytes), Presses{{Key::kUp}});
}

}  // namespace
}  // namespace dragonfly
