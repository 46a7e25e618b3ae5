#include "wiring.h"

int main(int count, char** arguments) {
  return dragonfly::run_agent({arguments + (count > 0 ? 1 : 0), static_cast<size_t>(count > 0 ? count - 1 : 0)});
}
