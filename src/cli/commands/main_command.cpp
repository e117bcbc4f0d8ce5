#include "cli/commands/commands.h"

namespace agnes::cli {

Command main_command() {
  return {.name = "agnes",
          .help = "Agnes: your company's data, here and in reach of an agent",
          .commands = {init_command(), pull_command(), query_command(), catalog_command(), schema_command(),
                       describe_command(), sample_command(), status_command(), onboarded_command(),
                       diagnose_command(), disk_info_command(), statusline_command(), auth_command(),
                       admin_command()},
          .example =
              "  agnes init --server-url https://agnes.example.com --token TOKEN\n"
              "  agnes query \"SELECT count(*) FROM orders\"\n"};
}

}  // namespace agnes::cli
