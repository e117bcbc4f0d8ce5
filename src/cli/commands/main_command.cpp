#include "cli/commands/commands.h"

namespace agnes::cli {

Command main_command() {
  return {.name = "agnes",
          .help = "Agnes: your company's data, here and in reach of an agent",
#define AGNES_MAKE(name) name##_command(),
          .commands = {AGNES_COMMANDS(AGNES_MAKE)},
#undef AGNES_MAKE
          .example =
              "  agnes init --server-url https://agnes.example.com --token TOKEN\n"
              "  agnes query \"SELECT count(*) FROM orders\"\n"};
}

}  // namespace agnes::cli
