# Shared build rules: warnings, sanitizers, the precompiled header, libduckdb, one static library a folder.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
find_program(MOLD ld.mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Werror -fstack-protector-strong -fno-plt)
# These have false alarms in the standard library and in Boost at -O2 with g++ 12.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-restrict -Wno-stringop-overflow
                      -Wno-stringop-overread -Wno-array-bounds)
endif()
if(AGNES_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined -g1)
  add_link_options(-fsanitize=address,undefined)
elseif(AGNES_SANITIZE STREQUAL "thread")
  # Asio has fences that TSan cannot see (-Wtsan says so).
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -g1 -Wno-tsan)
  add_link_options(-fsanitize=thread)
endif()

# libduckdb and its C header come from npm (script/setup). Programs load the library at run time with dlopen, on first
# use, so that a command that needs no database starts without it; it lies beside the programs.
set(DUCKDB_INCLUDE ${CMAKE_SOURCE_DIR}/node_modules/duckdb/src/duckdb/src/include)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(DUCKDB_PLATFORM linux-arm64)
else()
  set(DUCKDB_PLATFORM linux-x64)
endif()
set(DUCKDB_LIBRARY ${CMAKE_SOURCE_DIR}/node_modules/@duckdb/node-bindings-${DUCKDB_PLATFORM}/libduckdb.so)
if(NOT EXISTS ${DUCKDB_LIBRARY} OR NOT EXISTS ${DUCKDB_INCLUDE}/duckdb.h)
  message(FATAL_ERROR "libduckdb is missing: run script/setup")
endif()
file(MAKE_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
file(CREATE_LINK ${DUCKDB_LIBRARY} ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/libduckdb.so SYMBOLIC)
set(CMAKE_BUILD_RPATH "$ORIGIN")
set(CMAKE_INSTALL_RPATH "$ORIGIN")

# agnes_library(FOLDER deps...): the sources of src/FOLDER as the target agnes_<last part of FOLDER>, with the shared
# precompiled header.
function(agnes_library folder)
  get_filename_component(name ${folder} NAME)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  add_library(agnes_${name} STATIC ${sources})
  target_include_directories(agnes_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(agnes_${name} PUBLIC ${ARGN})
  if(NOT name STREQUAL "base")
    target_precompile_headers(agnes_${name} REUSE_FROM agnes_base)
  endif()
endfunction()

# agnes_without(NAME FILE...): takes sources out of the library again.
function(agnes_without name)
  get_target_property(sources agnes_${name} SOURCES)
  foreach(file ${ARGN})
    list(FILTER sources EXCLUDE REGEX "/${name}/${file}$")
  endforeach()
  set_target_properties(agnes_${name} PROPERTIES SOURCES "${sources}")
endfunction()
