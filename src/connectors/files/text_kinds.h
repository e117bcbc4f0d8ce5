#pragma once

#include <string_view>

namespace agnes::connectors::files {

// What a text can be read as without a change, as bits. Dates are TIMESTAMPs too: their midnights.
enum TextKinds : unsigned { kNoKind = 0, kTime = 1, kDate = 2, kTimestamp = 4, kInstant = 8 };

// The kinds of which the text is a value, by the rules of docs/files.md (those of `fits_sql` for CSV): ISO forms of days
// that there are, years 1 to 9999, microseconds at most; an instant has seconds. Spaces around do not count where DuckDB reads
// the text with them.
unsigned text_kinds(std::string_view text);

}  // namespace agnes::connectors::files
