#pragma once

#include "cli/command.h"

// One function a command; main_command() puts them together.
namespace agnes::cli {

Command admin_command();
Command auth_command();
Command auth_token_command();
Command catalog_command();
Command describe_command();
Command diagnose_command();
Command disk_info_command();
Command init_command();
Command onboarded_command();
Command pull_command();
Command query_command();
Command sample_command();
Command schema_command();
Command status_command();
Command statusline_command();

// Parts of `agnes admin`.
std::vector<Command> admin_user_commands();
std::vector<Command> admin_table_commands();
std::vector<Command> admin_source_commands();
std::vector<Command> admin_metadata_commands();
std::vector<Command> admin_job_commands();
Command admin_metrics_command();
Command admin_group_command();
Command admin_grant_command();
Command admin_break_glass_command();

// `agnes` itself.
Command main_command();

}  // namespace agnes::cli
