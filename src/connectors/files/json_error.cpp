#include "connectors/files/json_error.h"

#include <boost/json/basic_parser_impl.hpp>

#include "connectors/files/read.h"

namespace agnes::connectors::files {

namespace {
namespace bj = boost::json;

// Takes every value and keeps none.
struct NullHandler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Code = bj::error_code;
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_key_part(bj::string_view, std::size_t, Code&) { return true; }
  bool on_key(bj::string_view, std::size_t, Code&) { return true; }
  bool on_string_part(bj::string_view, std::size_t, Code&) { return true; }
  bool on_string(bj::string_view, std::size_t, Code&) { return true; }
  bool on_number_part(bj::string_view, Code&) { return true; }
  bool on_int64(std::int64_t, bj::string_view, Code&) { return true; }
  bool on_uint64(std::uint64_t, bj::string_view, Code&) { return true; }
  bool on_double(double, bj::string_view, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(bj::string_view, Code&) { return true; }
  bool on_comment(bj::string_view, Code&) { return true; }
};

constexpr std::string_view kSpace = " \t\r\n";
}  // namespace

std::optional<std::int64_t> first_bad_json_line(duck::Connection& connection, const SourceFile& file) {
  bj::parse_options options;
  options.max_depth = 1000;
  bj::basic_parser<NullHandler> parser(options);
  bool within = false;  // a value has begun and not ended
  std::int64_t line = 0, began = 0;
  const bool one_a_line = file.format == Format::json_lines;

  // False when the text breaks here.
  const auto feed = [&](std::string_view text) {
    while (true) {
      if (!within) {
        const auto begin = text.find_first_not_of(kSpace);
        if (begin == std::string_view::npos) return true;
        text.remove_prefix(begin);
        parser.reset();
        within = true;
        began = line;
      }
      bj::error_code error;
      const auto used = parser.write_some(true, text.data(), text.size(), error);
      if (error) return false;
      if (!parser.done()) return true;
      within = false;
      text.remove_prefix(used);
      if (text.empty()) return true;
    }
  };

  try {
    auto result = connection.stream("SELECT line FROM " + lines_sql(file));
    while (const auto chunk = result.fetch()) {
      const auto vector = chunk.column(0);
      auto* texts = static_cast<duckdb_string_t*>(duck::api().vector_get_data(vector));
      auto* validity = duck::api().vector_get_validity(vector);
      for (std::size_t row = 0; row < chunk.size(); ++row) {
        ++line;
        if (validity != nullptr && !duck::api().validity_row_is_valid(validity, row)) continue;
        const auto& text = texts[row];
        const bool short_one = text.value.inlined.length <= 12;
        const std::string_view content(short_one ? text.value.inlined.inlined : text.value.pointer.ptr,
                                       text.value.inlined.length);
        if (!feed(content) || !feed("\n")) return line;
        if (one_a_line && within) return line;
      }
    }
  } catch (const duck::QueryError&) {
    return std::nullopt;
  }
  if (!within) return std::nullopt;
  // It ends in the middle of a value: of a document, at the end; of one object among many, where that begins.
  return began == 1 ? line : began;
}

}  // namespace agnes::connectors::files
