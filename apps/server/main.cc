#include <sys/stat.h>

#include "agent_key.h"
#include "config_check.h"
#include "data_commands.h"
#include "run.h"

int main(int argc, char** argv) {
  // What is made here is the owner's alone, also the files of libraries that ask for more.
  ::umask(S_IRWXG | S_IRWXO);
  const dragonfly::ServerOptions options = dragonfly::read_options(argc, argv);
  if (options.checks_config) return dragonfly::check_config(options);
  if (options.data_command) return dragonfly::run_data_command(options);
  return options.agent_key ? dragonfly::make_agent_keys(options) : dragonfly::run_server(options);
}
