#pragma once

#include <optional>
#include <string_view>

namespace agnes::cli {

// The one statement of a text, without what ends it, so that it can stand in another one; nothing when there are several.
// The text must be SQL that DuckDB has parsed.
std::optional<std::string_view> only_statement(std::string_view sql);

}  // namespace agnes::cli
