#include "connectors/files/value_functions.h"

#include "connectors/files/set_types.h"
#include "lib/base/text.h"
#include "lib/duck/types.h"

namespace agnes::connectors::files {

namespace {

using duck::api;

// What a statement says that met a text which its column's type does not hold: column, text.
constexpr std::string_view kUnfit = "agnes: a value that does not fit the type of column ", kEnd = "\x1e";

std::string unfit(std::size_t column, std::string_view text) {
  return fmt::format("{}{} {}{}", kUnfit, column, text, kEnd);
}

// A column of a chunk that is given, or made.
template <class T>
struct Column {
  explicit Column(duckdb_vector vector)
      : values(static_cast<T*>(api().vector_get_data(vector))), valid(api().vector_get_validity(vector)) {}
  bool is_null(idx_t row) const { return valid != nullptr && !api().validity_row_is_valid(valid, row); }
  T* values;
  std::uint64_t* valid;
};

template <class T>
struct Made : Column<T> {
  explicit Made(duckdb_vector vector) : Column<T>((api().vector_ensure_validity_writable(vector), vector)) {}
  void set_null(idx_t row) { this->valid[row / 64] &= ~(std::uint64_t{1} << row % 64); }
};

// (text, column number) -> value. Stored is how DuckDB keeps the value.
template <class Stored, class Convert>
void convert_all(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output,
                 const Convert& convert) {
  const Column<duckdb_string_t> texts(api().data_chunk_get_vector(chunk, 0));
  const Column<std::int32_t> columns(api().data_chunk_get_vector(chunk, 1));
  Made<Stored> made(output);
  const idx_t size = api().data_chunk_get_size(chunk);
  for (idx_t row = 0; row < size; ++row) {
    const std::string_view text = texts.is_null(row) ? std::string_view() : duck::text_of(texts.values[row]);
    if (text.empty()) {
      made.set_null(row);
    } else if (const auto value = convert(text)) {
      made.values[row] = static_cast<Stored>(*value);
    } else {
      api().scalar_function_set_error(info,
                                      unfit(static_cast<std::size_t>(columns.values[row]), text).c_str());
      return;
    }
  }
}

template <class Stored, auto convert>
void convert_with(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output) {
  convert_all<Stored>(info, chunk, output, convert);
}

duckdb_hugeint halves(duck::Int128 value) {
  return {static_cast<std::uint64_t>(value), static_cast<std::int64_t>(value >> 64)};
}

// The function's extra information is its type's scale.
template <class Stored, int width>
void convert_decimal(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output) {
  const auto scale =
      static_cast<int>(reinterpret_cast<std::intptr_t>(api().scalar_function_get_extra_info(info)));
  convert_all<Stored>(info, chunk, output, [&](std::string_view text) {
    const auto value = to_decimal(text, width, scale);
    if constexpr (std::is_same_v<Stored, duckdb_hugeint>)
      return value ? std::optional(halves(*value)) : std::nullopt;
    else
      return value;
  });
}

// (text, column number): NULL or the empty text.
void expect_empty(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output) {
  const Column<duckdb_string_t> texts(api().data_chunk_get_vector(chunk, 0));
  const Column<std::int32_t> columns(api().data_chunk_get_vector(chunk, 1));
  Made<duckdb_string_t> made(output);
  const idx_t size = api().data_chunk_get_size(chunk);
  for (idx_t row = 0; row < size; ++row) {
    if (texts.is_null(row)) {
      made.set_null(row);
      continue;
    }
    const auto text = duck::text_of(texts.values[row]);
    if (!text.empty())
      return api().scalar_function_set_error(
          info, unfit(static_cast<std::size_t>(columns.values[row]), text).c_str());
    made.values[row] = texts.values[row];
  }
}

// (text, type): whether a type that was set holds the text.
void look_at_form(duckdb_function_info /*info*/, duckdb_data_chunk chunk, duckdb_vector output) {
  const Column<duckdb_string_t> texts(api().data_chunk_get_vector(chunk, 0));
  const Column<duckdb_string_t> types(api().data_chunk_get_vector(chunk, 1));
  Made<bool> made(output);
  const idx_t size = api().data_chunk_get_size(chunk);
  for (idx_t row = 0; row < size; ++row)
    made.values[row] = !texts.is_null(row) && !types.is_null(row) &&
                       has_form_of(duck::text_of(texts.values[row]), duck::text_of(types.values[row]));
}

// The forms in one text: decimal, thousands ('_' for none), order.
std::string packed(const TextForms& forms) {
  const auto mark = [](char c) { return c == '\0' ? '_' : c; };
  return std::string{mark(forms.decimal), mark(forms.thousands)} + forms.order;
}
TextForms unpacked(std::string_view text) {
  const auto mark = [](char c) { return c == '_' ? '\0' : c; };
  return {mark(text[0]), mark(text[1]), std::string(text.substr(2))};
}

// (text, forms): the text in the usual form.
void make_plain(duckdb_function_info /*info*/, duckdb_data_chunk chunk, duckdb_vector output) {
  const Column<duckdb_string_t> texts(api().data_chunk_get_vector(chunk, 0));
  const Column<duckdb_string_t> forms(api().data_chunk_get_vector(chunk, 1));
  Made<duckdb_string_t> made(output);
  const idx_t size = api().data_chunk_get_size(chunk);
  if (size == 0) return;
  const TextForms wanted = unpacked(duck::text_of(forms.values[0]));
  for (idx_t row = 0; row < size; ++row) {
    if (texts.is_null(row)) {
      made.set_null(row);
      continue;
    }
    const std::string plain = plain_text(duck::text_of(texts.values[row]), wanted);
    api().vector_assign_string_element_len(output, row, plain.data(), plain.size());
  }
}

struct Function {
  std::string name;
  duckdb_type returns;
  duckdb_scalar_function_t body;
  duckdb_type second = DUCKDB_TYPE_INTEGER;
  int width = 0, scale = 0;  // of a DECIMAL
};

void add(duck::Connection& connection, const Function& wanted) {
  const duck::LogicalType text(api().create_logical_type(DUCKDB_TYPE_VARCHAR));
  const duck::LogicalType second(api().create_logical_type(wanted.second));
  const duck::LogicalType returns(wanted.width > 0
                                      ? api().create_decimal_type(static_cast<std::uint8_t>(wanted.width),
                                                                  static_cast<std::uint8_t>(wanted.scale))
                                      : api().create_logical_type(wanted.returns));
  auto function = api().create_scalar_function();
  api().scalar_function_set_name(function, wanted.name.c_str());
  api().scalar_function_add_parameter(function, text.get());
  api().scalar_function_add_parameter(function, second.get());
  api().scalar_function_set_return_type(function, returns.get());
  api().scalar_function_set_special_handling(function);  // of NULL, which is a text's business
  api().scalar_function_set_extra_info(function, reinterpret_cast<void*>(std::intptr_t{wanted.scale}),
                                       nullptr);
  api().scalar_function_set_function(function, wanted.body);
  const auto state = api().register_scalar_function(connection.handle(), function);
  api().destroy_scalar_function(&function);
  if (state != DuckDBSuccess)
    throw Error(ErrorKind::internal, "DuckDB does not take the function " + wanted.name);
}

// The function that makes values of a type.
std::string function_of(std::string_view type) {
  std::string out = "agnes_" + to_lower(type);
  for (char& c : out)
    if (c == ' ' || c == '(' || c == ',') c = '_';
  if (out.ends_with(')')) out.pop_back();
  return out;
}

}  // namespace

void register_value_functions(duck::Connection& connection) {
  std::vector<Function> all = {
      {"agnes_boolean", DUCKDB_TYPE_BOOLEAN, convert_with<bool, to_boolean>},
      {"agnes_bigint", DUCKDB_TYPE_BIGINT, convert_with<std::int64_t, to_bigint>},
      {"agnes_double", DUCKDB_TYPE_DOUBLE, convert_with<double, to_double>},
      {"agnes_time", DUCKDB_TYPE_TIME, convert_with<std::int64_t, to_time>},
      {"agnes_date", DUCKDB_TYPE_DATE, convert_with<std::int32_t, to_date>},
      {"agnes_timestamp", DUCKDB_TYPE_TIMESTAMP, convert_with<std::int64_t, to_timestamp>},
      {function_of("TIMESTAMP WITH TIME ZONE"), DUCKDB_TYPE_TIMESTAMP_TZ,
       convert_with<std::int64_t, to_instant>},
      {"agnes_empty", DUCKDB_TYPE_VARCHAR, expect_empty},
      {"agnes_has_form", DUCKDB_TYPE_BOOLEAN, look_at_form, DUCKDB_TYPE_VARCHAR},
      {"agnes_plain", DUCKDB_TYPE_VARCHAR, make_plain, DUCKDB_TYPE_VARCHAR},
  };
  for (const int width : {18, 38})
    for (int scale = 1; scale < width; ++scale)
      all.push_back({function_of(fmt::format("DECIMAL({},{})", width, scale)), DUCKDB_TYPE_DECIMAL,
                     width == 18 ? convert_decimal<std::int64_t, 18> : convert_decimal<duckdb_hugeint, 38>,
                     DUCKDB_TYPE_INTEGER, width, scale});
  for (const auto& function : all) add(connection, function);
}

std::string value_sql(const std::string& name, std::string_view type, std::size_t column) {
  return type == "VARCHAR" ? name : fmt::format("{}({}, {})", function_of(type), name, column);
}

std::string plain_sql(const std::string& name, const TextForms& forms) {
  return forms.usual() ? name : fmt::format("agnes_plain({}, {})", name, duck::quote_literal(packed(forms)));
}

std::string empty_sql(const std::string& name, std::size_t column) {
  return fmt::format("agnes_empty({}, {})", name, column);
}

std::string fits_set_type_sql(const std::string& name, const std::string& type) {
  const auto parsed = parse_type(type);
  std::string fits = fmt::format("agnes_has_form({}, {})", name, duck::quote_literal(type));
  if (parsed.kind != SetType::Kind::plain)
    fits = parts_fit_sql(fmt::format("TRY_CAST({} AS {})", name, text_form(parsed)), parsed);
  return fmt::format("({} AND TRY_CAST({} AS {}) IS NOT NULL)", fits, name, type);
}

std::string set_type_sql(const std::string& name, const std::string& type, std::size_t column) {
  if (type == "VARCHAR") return name;
  return fmt::format(
      "CASE WHEN {0} IS NULL OR {0} = '' THEN NULL WHEN {1} THEN TRY_CAST({0} AS {2}) ELSE {3} END", name,
      fits_set_type_sql(name, type), type, unfit_sql(name, column));
}

std::string unfit_sql(const std::string& name, std::size_t column) {
  return fmt::format("error(concat('{}{} ', {}, '{}'))", kUnfit, column, name, kEnd);
}

std::optional<UnfitValue> unfit_value(const duck::QueryError& error) {
  const std::string said = error.what();
  const auto at = said.find(kUnfit);
  if (at == std::string::npos) return std::nullopt;
  char* end = nullptr;
  UnfitValue out;
  out.column = std::strtoull(said.c_str() + at + kUnfit.size(), &end, 10);
  const auto begin = static_cast<std::size_t>(end - said.c_str()) + 1;
  out.text = said.substr(std::min(begin, said.size()));
  out.text.resize(std::min(out.text.rfind(kEnd), out.text.size()));
  return out;
}

}  // namespace agnes::connectors::files
