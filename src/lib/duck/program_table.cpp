#include "lib/duck/program_table.h"

#include "lib/duck/types.h"

namespace agnes::duck {

namespace {

LogicalType logical_type(const ProgramType& type) {
  if (type.id == DUCKDB_TYPE_MAP) {
    const auto& pair = type.children.at(0).children;
    return LogicalType(api().create_map_type(logical_type(pair.at(0)).get(), logical_type(pair.at(1)).get()));
  }
  std::vector<LogicalType> children;
  for (const auto& child : type.children) children.push_back(logical_type(child));
  if (type.id == DUCKDB_TYPE_LIST) return LogicalType(api().create_list_type(children.at(0).get()));
  if (type.id != DUCKDB_TYPE_STRUCT) return LogicalType(api().create_logical_type(type.id));
  std::vector<duckdb_logical_type> handles;
  std::vector<const char*> names;
  for (std::size_t i = 0; i < children.size(); ++i) {
    handles.push_back(children[i].get());
    names.push_back(type.names.at(i).c_str());
  }
  return LogicalType(api().create_struct_type(handles.data(), names.data(), handles.size()));
}

// An exception must not pass through DuckDB's C interface.
template <class Info>
void guarded(Info info, void (*report)(Info, const char*), const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    report(info, error.what());
  }
}

void bind(duckdb_bind_info info) {
  const auto* table = static_cast<const ProgramTable*>(api().bind_get_extra_info(info));
  for (const auto& [name, type] : table->columns)
    api().bind_add_result_column(info, name.c_str(), logical_type(type).get());
}

void init(duckdb_init_info info) {
  guarded<duckdb_init_info>(info, api().init_set_error, [&] {
    const auto* table = static_cast<const ProgramTable*>(api().init_get_extra_info(info));
    api().init_set_max_threads(info, 1);
    api().init_set_init_data(info, table->read().release(),
                             [](void* producer) { delete static_cast<RowProducer*>(producer); });
  });
}

void fill(duckdb_function_info info, duckdb_data_chunk chunk) {
  guarded<duckdb_function_info>(info, api().function_set_error, [&] {
    auto* producer = static_cast<RowProducer*>(api().function_get_init_data(info));
    api().data_chunk_set_size(chunk, producer->fill(chunk));
  });
}

}  // namespace

void put_text(duckdb_vector column, std::size_t row, std::optional<std::string_view> text) {
  if (text) return api().vector_assign_string_element_len(column, row, text->data(), text->size());
  api().vector_ensure_validity_writable(column);
  api().vector_get_validity(column)[row / 64] &= ~(std::uint64_t{1} << (row % 64));
}

void register_table(Connection& connection, const std::string& name, ProgramTable table) {
  auto function = api().create_table_function();
  api().table_function_set_name(function, name.c_str());
  api().table_function_set_extra_info(function, new ProgramTable(std::move(table)),
                                      [](void* held) { delete static_cast<ProgramTable*>(held); });
  api().table_function_set_bind(function, bind);
  api().table_function_set_init(function, init);
  api().table_function_set_function(function, fill);
  const auto state = api().register_table_function(connection.handle(), function);
  api().destroy_table_function(&function);
  if (state != DuckDBSuccess) throw Error(ErrorKind::internal, "cannot register the table function " + name);
}

}  // namespace agnes::duck
