# Language level, warnings, sanitizers and the helpers that every folder's CMakeLists.txt uses.

option(MINIDFS_TESTS "Build the tests" ON)
option(MINIDFS_BENCH "Build the benchmarks" ON)
option(MINIDFS_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
set(MINIDFS_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the sources count as relative, so that a second clone finds what the first compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=true
      CCACHE_DEPEND=true
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      "${CCACHE_PROGRAM}")
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(MINIDFS_SANITIZE)
  # CAF's headers form references from null pointers on purpose, so the null check stays off. With
  # sanitizers g++ 12 sees uninitialized variables in <regex> and in Catch that are none.
  add_compile_options(-fsanitize=${MINIDFS_SANITIZE} -fno-sanitize=null
                      -fno-sanitize-recover=all -fno-omit-frame-pointer
                      -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${MINIDFS_SANITIZE})
endif()

# Half of the time to compile goes into parsing the headers of the library and of CAF and Asio.
# minidfs_precompile(<target> <headers...>): parses these, and the standard ones, once for a target.
# Only in debug builds: from headers that are precompiled, g++ 12 at -O2 warns of strings as out of
# bounds or uninitialized that are neither.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)  # What ccache asks for.
endif()
set(MINIDFS_PRECOMPILED_actors <caf/send.hpp> <caf/stateful_actor.hpp> <caf/typed_actor.hpp>
    <caf/typed_event_based_actor.hpp> <caf/actor_system.hpp> <caf/scoped_actor.hpp>)
set(MINIDFS_PRECOMPILED_transfer <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
    <boost/asio/ip/tcp.hpp> <boost/asio/io_context.hpp> <boost/asio/steady_timer.hpp>
    <boost/asio/use_awaitable.hpp>)
set(MINIDFS_PRECOMPILED_client ${MINIDFS_PRECOMPILED_actors} ${MINIDFS_PRECOMPILED_transfer})
set(MINIDFS_PRECOMPILED_http ${MINIDFS_PRECOMPILED_client} <nlohmann/json.hpp>)
function(minidfs_precompile target)
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <chrono> <cstddef> <cstdint> <deque> <functional> <map> <memory>
    <mutex> <optional> <span> <string> <string_view> <thread> <utility> <vector> ${ARGN})
endfunction()

# Much of the rest goes into instantiating the same templates in one source after another.
# minidfs_compile_together(<target> [<sources that stay alone>...]): its sources a few at a time, as if
# they were one. Alone stays what keeps to itself a name that others have, too. Only in debug builds:
# the others hold each source to its own includes.
function(minidfs_compile_together target)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    # To g++ what a source keeps to itself seems to come from a header then.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# minidfs_library(<folder> <sources...>): the one static library of src/<folder>.
function(minidfs_library folder)
  add_library(minidfs_${folder} STATIC ${ARGN})
  target_include_directories(minidfs_${folder} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  minidfs_precompile(minidfs_${folder} ${MINIDFS_PRECOMPILED_${folder}})
endfunction()
