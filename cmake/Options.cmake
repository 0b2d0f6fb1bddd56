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

# minidfs_library(<folder> <sources...>): the one static library of src/<folder>.
function(minidfs_library folder)
  add_library(minidfs_${folder} STATIC ${ARGN})
  target_include_directories(minidfs_${folder} PUBLIC "${CMAKE_SOURCE_DIR}/src")
endfunction()
