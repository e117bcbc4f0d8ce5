#pragma once

#include <span>
#include <string_view>

namespace agnes::cli {

// What an agent reads before it does something: agnes skills show NAME.
struct Skill {
  std::string_view name, title, text;  // Markdown
};
std::span<const Skill> skills();

}  // namespace agnes::cli
