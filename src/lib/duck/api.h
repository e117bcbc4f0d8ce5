#pragma once

#include <duckdb.h>

// DuckDB's C API, loaded with dlopen on first use: a program that never touches a database starts without
// mapping the 70 MB library. To use one more function, add it to the list.
namespace agnes::duck {

// clang-format off
#define AGNES_DUCKDB_FUNCTIONS(X)                                                                           \
  X(library_version) X(create_config) X(set_config) X(destroy_config) X(open_ext) X(close) X(connect)       \
  X(disconnect) X(interrupt) X(query) X(destroy_result) X(result_error) X(result_error_type)                \
  X(result_statement_type) X(result_return_type) X(rows_changed) X(column_count) X(column_name)             \
  X(column_type) X(column_logical_type) X(fetch_chunk) X(destroy_data_chunk) X(data_chunk_get_size)         \
  X(data_chunk_get_column_count) X(data_chunk_get_vector) X(vector_get_data) X(vector_get_validity)         \
  X(validity_row_is_valid) X(vector_get_column_type) X(list_vector_get_child) X(list_vector_get_size)       \
  X(struct_vector_get_child) X(array_vector_get_child) X(prepare) X(destroy_prepare) X(prepare_error)       \
  X(nparams) X(prepared_statement_type) X(execute_prepared) X(execute_prepared_streaming) X(bind_boolean)   \
  X(bind_int64) X(bind_double) X(bind_varchar_length) X(bind_blob) X(bind_timestamp) X(bind_null)           \
  X(bind_value) X(extract_statements) X(prepare_extracted_statement) X(extract_statements_error)            \
  X(destroy_extracted) X(get_type_id) X(destroy_logical_type) X(logical_type_get_alias) X(decimal_width)    \
  X(decimal_scale) X(decimal_internal_type) X(enum_internal_type) X(enum_dictionary_value)                  \
  X(enum_dictionary_size) X(list_type_child_type) X(array_type_child_type) X(array_type_array_size)         \
  X(map_type_key_type) X(map_type_value_type) X(struct_type_child_count) X(struct_type_child_name)          \
  X(struct_type_child_type) X(union_type_member_count) X(union_type_member_name) X(union_type_member_type)  \
  X(free) X(create_list_value) X(create_varchar_length) X(create_logical_type) X(destroy_value)             \
  X(create_null_value) X(query_progress) X(prepared_statement_column_count)                                 \
  X(prepared_statement_column_name) X(prepared_statement_column_logical_type) X(result_get_arrow_options)   \
  X(destroy_arrow_options) X(to_arrow_schema) X(data_chunk_to_arrow) X(error_data_message)                  \
  X(destroy_error_data) X(create_table_function) X(destroy_table_function) X(table_function_set_name)       \
  X(table_function_set_extra_info) X(table_function_set_bind) X(table_function_set_init)                    \
  X(table_function_set_function) X(register_table_function) X(bind_get_extra_info) X(bind_add_result_column) \
  X(init_get_extra_info) X(init_set_init_data) X(init_set_max_threads) X(init_set_error)                    \
  X(function_get_init_data) X(function_set_error) X(create_list_type) X(create_map_type) X(create_struct_type) X(vector_size)  \
  X(data_chunk_set_size) X(vector_ensure_validity_writable) X(vector_assign_string_element_len)             \
  X(list_vector_reserve) X(list_vector_set_size) X(create_decimal_type) X(create_scalar_function)           \
  X(destroy_scalar_function) X(scalar_function_set_name) X(scalar_function_add_parameter)                   \
  X(scalar_function_set_return_type) X(scalar_function_set_special_handling)                                \
  X(scalar_function_set_extra_info) X(scalar_function_get_extra_info) X(scalar_function_set_function)       \
  X(scalar_function_set_error) X(register_scalar_function) X(arrow_scan)
// clang-format on

struct Api {
#define AGNES_DECLARE(name) decltype(&duckdb_##name) name;
  AGNES_DUCKDB_FUNCTIONS(AGNES_DECLARE)
#undef AGNES_DECLARE
};

// Loads libduckdb.so from beside the program on the first call. Throws Error when it is missing or too old.
const Api& api();

}  // namespace agnes::duck
