#include "cli/skills.h"

#include "cli/commands/commands.h"
#include "cli/table.h"

namespace agnes::cli {

namespace {
struct SkillName {
  std::string name, title;
};
BOOST_DESCRIBE_STRUCT(SkillName, (), (name, title))

struct SkillText : SkillName {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(SkillText, (SkillName), (text))

std::vector<SkillName> list(const Args&) {
  std::vector<SkillName> out;
  for (const auto& skill : skills()) out.push_back({std::string(skill.name), std::string(skill.title)});
  return out;
}
void show_list(const std::vector<SkillName>& found) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& skill : found) rows.push_back({skill.name, skill.title});
  out(columns_text({"NAME", "WHAT FOR"}, rows));
}

SkillText text(const Args& args) {
  const auto name = args.text("NAME");
  Nearest nearest(name, 4);
  for (const auto& skill : skills()) {
    if (iequals(skill.name, name))
      return {{std::string(skill.name), std::string(skill.title)}, std::string(skill.text)};
    nearest.offer(skill.name);
  }
  throw Failure(Cause::not_found, "there is no skill " + escape_control(name),
                meant(nearest, "agnes skills list"));
}
void show_text(const SkillText& skill) {
  out(fmt::format("# {}\n\n{}", skill.title, skill.text));
}
}  // namespace

Command skills_command() {
  return {.name = "skills",
          .help = "What an agent should know before it queries, registers, repairs",
          .commands = {{.name = "list", .help = "List them", .run = answers(list, show_list)},
                       {.name = "show",
                        .help = "Show one, as Markdown",
                        .arguments = {{.name = "NAME", .help = "As agnes skills list has it"}},
                        .run = answers(text, show_text)}}};
}

}  // namespace agnes::cli
