// The files of web/, which stand in the binary: cmake/EmbedFiles.cmake writes what is declared
// here.
#pragma once

#include <span>
#include <string_view>

namespace minidfs::http::page {

struct PageFile {
  std::string_view path;  // "/js/main.js"
  std::string_view content;
  std::string_view tag;  // A strong ETag with its quotes: it is made of the content.
};

std::span<const PageFile> page_files();

}  // namespace minidfs::http::page
