// Terminal: the whole screen for one program, given back as it was on any way out: end of scope, signals that end the
// process, crashes, and while it is stopped (Ctrl-Z).
//
// Units      columns and lines of the terminal.
// Ownership  one at a time in a process; owns its signal descriptor. Signals that it reads stay blocked in its thread,
//            and in those that are started while it lives.
// Threading  one thread, which must be the first.
// Errors     open: kInvalidArgument where standard input or output is no terminal, or one that cannot move its cursor.
// Limits     a key's bytes that come apart are put together within one call of wait().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/time.h"

namespace dragonfly {

enum class Key : unsigned char { kUp, kDown, kLeft, kRight, kPageUp, kPageDown, kHome, kEnd, kCharacter };
struct KeyPress {
  Key key = Key::kCharacter;
  char character = 0;  // Of kCharacter.
  bool operator==(const KeyPress&) const = default;
};

// Keys of what a terminal sends; what is not understood is left out, an unfinished end stays in `bytes`.
std::vector<KeyPress> take_keys(std::string& bytes);

class Terminal {
 public:
  struct Size {
    size_t width = 80, height = 24;
  };
  struct Event {
    std::vector<KeyPress> keys;
    bool resized = false;  // Or shown again after it was stopped.
    bool ended = false;    // By a signal, or the terminal went away.
    bool woken = false;    // `wake` can be read.
  };

  static Result<std::unique_ptr<Terminal>> open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  // Lines of at most the terminal's width, each from its left; the rest of the screen is emptied.
  void draw(const std::vector<std::string>& lines);
  Event wait(int wake, Duration timeout);
  // Before the end of scope, where what follows takes long.
  void restore();

 private:
  Terminal() = default;
  void enter();
  void stop_until_continued();
  int signals_ = -1;
  bool shown_ = false;
  std::string pending_;
};

// Ctrl-C and the like end a wait between two answers: a descriptor that can be read then.
class EndSignals {
 public:
  EndSignals();
  ~EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  // False where it is to end.
  bool wait(Duration timeout) const;

 private:
  int descriptor_;
};

}  // namespace dragonfly
