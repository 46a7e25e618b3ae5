#include "surface/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/core/assert.h"

namespace dragonfly {
namespace {

// The other screen, no cursor; and back, with its colours as they were.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";

// For handlers of crashes, which reach nothing else.
termios saved_state;
volatile std::sig_atomic_t is_entered = 0;

constexpr int kCrashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) {
      if (written < 0 && errno == EINTR) continue;
      return;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void leave() {
  if (is_entered == 0) return;
  is_entered = 0;
  write_all(kLeave);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_state);
}

extern "C" void leave_and_crash(int number) {
  leave();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

sigset_t signals_of(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  return set;
}

int open_signals(const sigset_t& set) {
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor < 0) die_of_environment("no descriptor is left");
  return descriptor;
}

sigset_t terminal_signals() { return signals_of({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP}); }

sigset_t end_signals() { return signals_of({SIGINT, SIGTERM, SIGHUP, SIGQUIT}); }

int milliseconds_of(Duration timeout) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(timeout).count());
}

struct Sequence {
  std::string_view bytes;
  Key key;
};
constexpr Sequence kSequences[] = {
    {"\x1b[A", Key::kUp},      {"\x1bOA", Key::kUp},        {"\x1b[B", Key::kDown}, {"\x1bOB", Key::kDown},
    {"\x1b[C", Key::kRight},   {"\x1bOC", Key::kRight},     {"\x1b[D", Key::kLeft}, {"\x1bOD", Key::kLeft},
    {"\x1b[5~", Key::kPageUp}, {"\x1b[6~", Key::kPageDown}, {"\x1b[H", Key::kHome}, {"\x1bOH", Key::kHome},
    {"\x1b[1~", Key::kHome},   {"\x1b[F", Key::kEnd},       {"\x1bOF", Key::kEnd},  {"\x1b[4~", Key::kEnd},
};

// The length of the sequence at the beginning of `bytes`, which is ESC; 0 where it has no end yet.
size_t sequence_length(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  if (bytes[1] == 'O') return bytes.size() < 3 ? 0 : 3;
  if (bytes[1] != '[') return 1;
  for (size_t i = 2; i < bytes.size(); ++i) {
    if (bytes[i] >= 0x40 && bytes[i] <= 0x7e) return i + 1;
    if (bytes[i] < 0x20 || bytes[i] > 0x3f) return i;  // None that we know: what follows is for itself.
  }
  return bytes.size() > 32 ? bytes.size() : 0;
}

}  // namespace

std::vector<KeyPress> take_keys(std::string& bytes) {
  std::vector<KeyPress> keys;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    if (rest.front() != '\x1b') {
      if (static_cast<unsigned char>(rest.front()) < 0x80) keys.push_back({Key::kCharacter, rest.front()});
      rest.remove_prefix(1);
      continue;
    }
    const size_t length = sequence_length(rest);
    if (length == 0) break;
    for (const Sequence& one : kSequences) {
      if (rest.substr(0, length) == one.bytes) keys.push_back({one.key, 0});
    }
    rest.remove_prefix(length);
  }
  bytes.erase(0, bytes.size() - rest.size());
  return keys;
}

Result<std::unique_ptr<Terminal>> Terminal::open() {
  const char* const kind = std::getenv("TERM");
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return fail(ErrorCode::kInvalidArgument, "standard input and output are no terminal");
  if (kind == nullptr || *kind == 0 || std::strcmp(kind, "dumb") == 0)
    return fail(ErrorCode::kInvalidArgument, "TERM is '{}', a terminal that cannot move its cursor",
                kind == nullptr ? "" : kind);
  if (tcgetattr(STDIN_FILENO, &saved_state) != 0)
    return fail(ErrorCode::kInvalidArgument, "the terminal does not say how it is set");
  std::unique_ptr<Terminal> terminal(new Terminal());
  terminal->signals_ = open_signals(terminal_signals());
  for (const int number : kCrashes) std::signal(number, leave_and_crash);
  terminal->enter();
  return terminal;
}

Terminal::~Terminal() {
  restore();
  for (const int number : kCrashes) std::signal(number, SIG_DFL);
  ::close(signals_);
  // What came meanwhile was for us.
  const sigset_t set = terminal_signals();
  const timespec now{};
  while (sigtimedwait(&set, nullptr, &now) > 0) continue;
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Terminal::enter() {
  termios raw = saved_state;
  cfmakeraw(&raw);
  is_entered = 1;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  write_all(kEnter);
  shown_ = true;
}

void Terminal::restore() {
  leave();
  shown_ = false;
}

Terminal::Size Terminal::size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void Terminal::draw(const std::vector<std::string>& lines) {
  if (!shown_) return;
  std::string out = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) out.append(i == 0 ? "" : "\r\n").append(lines[i]).append("\x1b[0m\x1b[K");
  out += "\x1b[J";
  write_all(out);
}

void Terminal::stop_until_continued() {
  restore();
  std::raise(SIGSTOP);
  enter();
}

Terminal::Event Terminal::wait(int wake, Duration timeout) {
  std::array<pollfd, 3> files{{{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}, {wake, POLLIN, 0}}};
  Event event;
  if (::poll(files.data(), files.size(), milliseconds_of(timeout)) <= 0) return event;
  event.woken = files[2].revents != 0;
  if (files[1].revents != 0) {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGTSTP) stop_until_continued();
      const bool is_shown_anew = info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH;
      event.resized |= is_shown_anew;
      event.ended |= !is_shown_anew;
    }
  }
  if (files[0].revents != 0) {
    std::array<char, 512> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0 && errno != EINTR) event.ended = true;
    if (count > 0) pending_.append(bytes.data(), static_cast<size_t>(count));
    event.keys = take_keys(pending_);
    for (const KeyPress& press : event.keys) {
      if (press.character == 0x1a) {  // Ctrl-Z, which is no signal here.
        stop_until_continued();
        event.resized = true;
      }
    }
  }
  return event;
}

EndSignals::EndSignals() : descriptor_(open_signals(end_signals())) {}

EndSignals::~EndSignals() {
  ::close(descriptor_);
  const sigset_t set = end_signals();
  const timespec now{};
  while (sigtimedwait(&set, nullptr, &now) > 0) continue;
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool EndSignals::wait(Duration timeout) const {
  pollfd file{descriptor_, POLLIN, 0};
  return ::poll(&file, 1, milliseconds_of(timeout)) == 0;
}

}  // namespace dragonfly
