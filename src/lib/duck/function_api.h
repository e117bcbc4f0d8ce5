#pragma once

#include <duckdb.h>

// The part of DuckDB's C API that makes SQL functions of our own, loaded like the rest (api.h).
namespace agnes::duck {

// clang-format off
#define AGNES_DUCKDB_FUNCTION_FUNCTIONS(X)                                                                  \
  X(vector_ensure_validity_writable) X(vector_assign_string_element_len) X(create_decimal_type) X(create_scalar_function)                       \
  X(destroy_scalar_function) X(scalar_function_set_name) X(scalar_function_add_parameter)                   \
  X(scalar_function_set_return_type) X(scalar_function_set_special_handling)                                \
  X(scalar_function_set_extra_info) X(scalar_function_get_extra_info) X(scalar_function_set_function)       \
  X(scalar_function_set_error) X(register_scalar_function)
// clang-format on

struct FunctionApi {
#define AGNES_DECLARE(name) decltype(&duckdb_##name) name;
  AGNES_DUCKDB_FUNCTION_FUNCTIONS(AGNES_DECLARE)
#undef AGNES_DECLARE
};

const FunctionApi& function_api();

}  // namespace agnes::duck
