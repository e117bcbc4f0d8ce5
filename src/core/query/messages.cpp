#include "core/query/messages.h"

#include "core/query/lexer.h"
#include "lib/base/text.h"

namespace agnes::query {

namespace {

std::string_view before(std::string_view text, std::string_view mark) {
  return text.substr(0, text.find(mark));
}

// DuckDB shows where with "LINE 2: <that line>" and a caret below; an empty line stands before.
struct Located {
  std::string_view message;
  std::size_t line = 0;
};

Located split_location(std::string_view text) {
  const auto at = text.rfind("\nLINE ");
  if (at == std::string_view::npos) return {text, 0};
  const auto colon = text.find(':', at);
  if (colon == std::string_view::npos) return {text, 0};
  const auto number = parse_int(text.substr(at + 6, colon - at - 6));
  return {text.substr(0, at), number ? static_cast<std::size_t>(*number) : 0};
}

}  // namespace

std::string first_line(std::string_view message) {
  message = split_location(message).message;
  for (const std::string_view mark :
       {"\nDid you mean", "Did you mean", "\n\tCandidate", "\nCandidate", "Candidate functions",
        "Candidate Entries", "Use \"SET", "\nYou can use", "Please try installing"})
    message = before(message, mark);
  std::string out;
  for (const auto& line : split(message, '\n')) {
    const auto part = trim(line);
    if (!part.empty()) out += (out.empty() ? "" : " ") + std::string(part);
  }
  return shown_text(out, 1'000);
}

namespace {

// Errors of binding come without a type; their text begins with it.
duckdb_error_type type_of(const duck::QueryError& error) {
  static constexpr std::pair<std::string_view, duckdb_error_type> kPrefixes[] = {
      {"INTERRUPT Error", DUCKDB_ERROR_INTERRUPT},
      {"IO Error", DUCKDB_ERROR_IO},
      {"Permission Error", DUCKDB_ERROR_PERMISSION},
      {"Out of Memory Error", DUCKDB_ERROR_OUT_OF_MEMORY},
      {"INTERNAL Error", DUCKDB_ERROR_INTERNAL},
      {"FATAL Error", DUCKDB_ERROR_FATAL},
      {"HTTP Error", DUCKDB_ERROR_HTTP}};
  const std::string_view said = error.what();
  for (const auto& [prefix, type] : kPrefixes)
    if (said.starts_with(prefix)) return type;
  return error.type();
}

}  // namespace

bool breaks_database(const duck::QueryError& error) {
  return type_of(error) == DUCKDB_ERROR_INTERNAL || type_of(error) == DUCKDB_ERROR_FATAL;
}

Error caller_error(const duck::QueryError& error, std::string_view sql, std::string_view run,
                   const Sandbox& sandbox) {
  switch (type_of(error)) {
    case DUCKDB_ERROR_INTERRUPT:
      return {ErrorKind::timeout,
              "The statement was ended before it was done; narrow it down, or ask for less at once."};
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return {ErrorKind::too_large,
              "The statement needs more memory than a query may have; select fewer rows or columns, or "
              "aggregate first."};
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_PERMISSION:
    case DUCKDB_ERROR_HTTP:
    case DUCKDB_ERROR_NETWORK:
      if (sandbox.reaches_out())
        return {ErrorKind::bad_gateway,
                fmt::format("A table of this statement cannot be read where it lives: {}",
                            first_line(sandbox.hide(error.what())))};
      return {error.kind() == ErrorKind::insufficient_storage ? ErrorKind::insufficient_storage
                                                              : ErrorKind::unavailable,
              "The data of a table in this statement cannot be read at the moment; try again after its next "
              "sync."};
    case DUCKDB_ERROR_INTERNAL:
    case DUCKDB_ERROR_FATAL:
      return {ErrorKind::bad_request, "DuckDB failed on this statement; write it in another way."};
    default:
      break;
  }
  const std::string_view said = error.what();
  if (said.find("Max expression depth") != std::string_view::npos)
    return {ErrorKind::bad_request, "The statement nests expressions too deeply; flatten it."};
  std::string message = first_line(sandbox.hide(std::string(said)));
  // What was run has the caller's lines as they were, but for EXPLAIN's and the wrapping's first.
  const auto line = split_location(said).line;
  if (line > 0 && run == sql) message += fmt::format(" (line {})", line);
  return {ErrorKind::bad_request, message};
}

namespace {

// One cell of a line of boxes: its columns (in characters) and its bytes.
struct Cell {
  std::size_t column, width, begin, end;
};

std::vector<Cell> cells_of(std::string_view line) {
  static constexpr std::string_view kBar = "\xe2\x94\x82";
  std::vector<Cell> out;
  std::size_t column = 0, cell_column = 0, cell_begin = 0;
  for (std::size_t i = 0; i < line.size();) {
    if (line.substr(i, kBar.size()) == kBar) {
      out.push_back({cell_column, column - cell_column, cell_begin, i});
      i += kBar.size();
      ++column;
      cell_begin = i;
      cell_column = column;
      continue;
    }
    if ((static_cast<unsigned char>(line[i]) & 0xc0) != 0x80) ++column;
    ++i;
  }
  return out;
}

// Boxes stand side by side, so a file's name goes on below itself, in the same columns, up to an empty cell.
std::string hide_in_boxes(std::string_view plan) {
  std::set<std::pair<std::size_t, std::size_t>> hiding;  // columns and widths
  std::string out;
  for (const auto& raw : split(plan, '\n')) {
    std::string line = raw;
    std::set<std::pair<std::size_t, std::size_t>> now;
    auto cells = cells_of(raw);
    for (auto cell = cells.rbegin(); cell != cells.rend();
         ++cell) {  // from the right, so that bytes stay in place
      const std::string content(trim(std::string_view(raw).substr(cell->begin, cell->end - cell->begin)));
      if (content.empty()) continue;
      const std::pair<std::size_t, std::size_t> place{cell->column, cell->width};
      if (!content.starts_with("Filename(s)") && !hiding.contains(place)) continue;
      now.insert(place);
      line.replace(cell->begin, cell->end - cell->begin, std::string(cell->width, ' '));
    }
    hiding = std::move(now);
    out += (out.empty() ? "" : "\n") + line;
  }
  return out;
}

void hide_in_value(boost::json::value& value) {
  if (auto* object = value.if_object()) {
    object->erase("Filename(s)");
    for (auto& member : *object) hide_in_value(member.value());
  } else if (auto* list = value.if_array()) {
    for (auto& item : *list) hide_in_value(item);
  }
}

}  // namespace

std::string hide_files_in_plan(std::string_view plan, bool json) {
  if (!json) return hide_in_boxes(plan);
  boost::system::error_code failed;
  boost::json::parse_options options;
  options.max_depth = 4096;
  auto value = boost::json::parse(plan, failed, {}, options);
  if (failed) return "";
  hide_in_value(value);
  return boost::json::serialize(value);
}

}  // namespace agnes::query
