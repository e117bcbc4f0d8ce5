#pragma once

#include "cli/command.h"

// The lists of commands, in the order of the help. To add one, write `Command NAME_command()` in a file of its own
// here and add a line.
namespace agnes::cli {

#ifndef AGNES_MORE_COMMANDS
#define AGNES_MORE_COMMANDS(X)  // the examples add theirs
#endif

#define AGNES_COMMANDS(X) \
  X(init)                 \
  X(pull)                 \
  X(query)                \
  X(catalog)              \
  X(schema)               \
  X(describe)             \
  X(sample)               \
  X(explore)              \
  X(snapshot)             \
  X(skills)               \
  X(push)                 \
  X(update)               \
  X(self_upgrade)         \
  X(status)               \
  X(onboarded)            \
  X(setup)                \
  X(server)               \
  X(diagnose)             \
  X(disk_info)            \
  X(statusline)           \
  X(capture_session)      \
  X(mark_private)         \
  X(completion)           \
  X(auth)                 \
  X(admin)                \
  AGNES_MORE_COMMANDS(X)

// Of `agnes admin`: `std::vector<Command> admin_NAME_commands()`, several where they share a file.
#define AGNES_ADMIN_COMMANDS(X) \
  X(user)                       \
  X(group)                      \
  X(audit)                      \
  X(table)                      \
  X(source)                     \
  X(metadata)                   \
  X(job)                        \
  X(metrics)                    \
  X(news)                       \
  X(settings)                   \
  X(break_glass)

#define AGNES_DECLARE(name) Command name##_command();
AGNES_COMMANDS(AGNES_DECLARE)
#undef AGNES_DECLARE
#define AGNES_DECLARE(name) std::vector<Command> admin_##name##_commands();
AGNES_ADMIN_COMMANDS(AGNES_DECLARE)
#undef AGNES_DECLARE

// Part of `agnes auth`.
Command auth_token_command();

// `agnes` itself.
Command main_command();

}  // namespace agnes::cli
