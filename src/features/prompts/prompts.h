#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config/settings.h"
#include "core/catalog/guide_facts.h"
#include "core/catalog/visible.h"
#include "core/identity/directory.h"
#include "core/state/audit.h"
#include "core/state/store.h"
#include "lib/templates/template.h"

// Two texts for agents, as templates that an administrator may replace (table `instance_templates`): how somebody sets up
// their machine (`setup`), and the guide of a workspace, its CLAUDE.md (`workspace`).
namespace agnes::prompts {

struct PromptSettings {
  static constexpr std::string_view kSection = "instance";
  std::string sync_interval, subtitle;
  static constexpr config::Rule kRules[] = {
      {.member = "sync_interval",
       .help = "How often data is updated, as analysts are told; by SCHEDULER_DATA_REFRESH_INTERVAL when it "
               "is not set"},
      {.member = "subtitle", .help = "Line under the instance's name, in guides"},
  };
};
BOOST_DESCRIBE_STRUCT(PromptSettings, (), (sync_interval, subtitle))

enum class Kind { setup, workspace };

// What was written with this program: templates, see default_texts.cpp.
std::string_view default_template(Kind kind);

struct Override {
  std::optional<std::string> content;  // none: the default is in force
  std::optional<Timestamp> updated_at;
  std::optional<std::string> updated_by;
};
BOOST_DESCRIBE_STRUCT(Override, (), (content, updated_at, updated_by))

// What is said of this server.
struct About {
  std::string name, subtitle, sync_interval, source_type;
};

// Thread-safe.
class Prompts {
 public:
  Prompts(state::Store& store, const identity::Directory& directory, const catalog::Visible& visible,
          std::vector<catalog::GuideFact>& facts, About about)
      : store_(store), directory_(directory), visible_(visible), facts_(facts), about_(std::move(about)) {}

  Override stored(Kind kind) const;
  // Replaces the default. Throws Error (bad_request), naming line and cause, unless the text can be filled in for
  // everybody who may see it.
  void save(Kind kind, const std::string& content, const state::Actor& actor);
  void reset(Kind kind, const state::Actor& actor);

  // `source` filled in for the caller, who sees their own tables only. Throws Error (bad_request), naming line and cause.
  std::string render(Kind kind, std::string_view source, const http::Caller& caller,
                     const std::string& address) const;
  // The text in force. One that was saved and fails now, for what it counted on has gone, gives way to the default; the
  // log says so.
  std::string text(Kind kind, const http::Caller& caller, const std::string& address) const;

 private:
  boost::json::object values(Kind kind, const http::Caller& caller, const std::string& address) const;

  state::Store& store_;
  const identity::Directory& directory_;
  const catalog::Visible& visible_;
  std::vector<catalog::GuideFact>& facts_;
  const About about_;
};

}  // namespace agnes::prompts
