#include "web_files.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "../base/siphash.hpp"

// The bytes of each file between two symbols. The assembler reads the files, so make knows them as
// prerequisites (Makefile).
#define WEB_FILE(symbol, path)          \
  asm(".pushsection .rodata\n"          \
      ".globl board_" #symbol           \
      "_begin\n"                        \
      "board_" #symbol                  \
      "_begin:\n"                       \
      ".incbin \"src/console/web/" path \
      "\"\n"                            \
      ".globl board_" #symbol           \
      "_end\n"                          \
      "board_" #symbol                  \
      "_end:\n"                         \
      ".byte 0\n"                       \
      ".popsection\n");                 \
  extern "C" const char board_##symbol##_begin[], board_##symbol##_end[];
#include "web_files.inc"
#undef WEB_FILE

namespace console {
namespace {

struct Type {
  std::string_view ending, type;
};
constexpr std::array<Type, 7> kTypes{{{".html", "text/html; charset=utf-8"},
                                      {".js", "text/javascript; charset=utf-8"},
                                      {".mjs", "text/javascript; charset=utf-8"},
                                      {".css", "text/css; charset=utf-8"},
                                      {".svg", "image/svg+xml"},
                                      {".json", "application/json"},
                                      {".png", "image/png"}}};

constexpr std::string_view type_of(std::string_view name) noexcept {
  for (const Type& row : kTypes)
    if (name.ends_with(row.ending)) return row.type;
  return "text/plain; charset=utf-8";
}

std::string_view between(const char* begin, const char* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const WebFile> web_files() noexcept {
#define WEB_FILE(symbol, path) \
  WebFile{path, type_of(path), between(board_##symbol##_begin, board_##symbol##_end)},
  static const std::array kFiles{
#include "web_files.inc"
  };
#undef WEB_FILE
  return kFiles;
}

const WebFile* find_web_file(std::string_view name) noexcept {
  const std::span<const WebFile> all = web_files();
  const auto found =
      std::find_if(all.begin(), all.end(), [name](const WebFile& file) { return file.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view web_files_tag() {
  static const std::string tag = [] {
    base::SipKey sum{};
    for (const WebFile& file : web_files()) {
      const base::SipHash hash = base::siphash(sum, file.text);
      sum = {hash.low, hash.high};
    }
    std::array<char, 24> room;
    std::snprintf(room.data(), room.size(), "\"%016llx\"", static_cast<unsigned long long>(sum.low));
    return std::string{room.data()};
  }();
  return tag;
}

}  // namespace console
