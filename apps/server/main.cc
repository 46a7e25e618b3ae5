#include "agent_key.h"
#include "wiring.h"

int main(int argc, char** argv) {
  const dragonfly::ServerOptions options = dragonfly::read_options(argc, argv);
  return options.agent_key ? dragonfly::make_agent_keys(options) : dragonfly::run_server(options);
}
