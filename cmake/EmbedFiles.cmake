# Files that stand in the binary. minidfs_embed(<target> <directory> <output>) writes, whenever a file
# of the directory has changed, a source with their bytes, and adds it to the target: what it defines
# is declared in src/http/page/page_files.hpp. The same file, run as a script, does the writing.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(MINIDFS_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")
  function(minidfs_embed target directory output)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS "${directory}/*")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${CMAKE_COMMAND}" "-DDIRECTORY=${directory}" "-DOUTPUT=${output}"
              -P "${MINIDFS_EMBED_SCRIPT}"
      DEPENDS ${files} "${MINIDFS_EMBED_SCRIPT}"
      COMMENT "Embedding ${directory}" VERBATIM)
    target_sources(${target} PRIVATE "${output}")
  endfunction()
  return()
endif()

file(GLOB_RECURSE files RELATIVE "${DIRECTORY}" "${DIRECTORY}/*")
list(SORT files)
list(LENGTH files count)
set(contents "")
set(entries "")
set(number 0)
foreach(file ${files})
  file(READ "${DIRECTORY}/${file}" bytes HEX)
  file(SHA256 "${DIRECTORY}/${file}" sum)
  string(SUBSTRING "${sum}" 0 32 tag)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  # Lines of a bearable length: sixteen letters in four characters each.
  string(REPEAT "." 64 line)
  string(REGEX REPLACE "(${line})" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND contents "constexpr char kContent${number}[] =\n    \"${bytes}\";\n")
  string(APPEND entries
    "    {\"/${file}\", {kContent${number}, sizeof(kContent${number}) - 1}, \"\\\"${tag}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Written by cmake/EmbedFiles.cmake.
#include \"http/page/page_files.hpp\"

#include <array>

namespace minidfs::http::page {
namespace {

${contents}
constexpr std::array<PageFile, ${count}> kFiles{{
${entries}}};

}  // namespace

std::span<const PageFile> page_files() { return kFiles; }

}  // namespace minidfs::http::page
")
