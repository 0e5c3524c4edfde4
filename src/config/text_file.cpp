#include "text_file.hpp"

#include <cerrno>
#include <cstring>

#include "../base/text.hpp"
#include "../sys/sys.hpp"
#include "paths.hpp"

namespace config {

std::string read_text_file(const std::string& path, std::size_t most, std::string& out, When when) {
  const std::string subject = "cannot read " + whole_path(path) + ": ";
  const sys::Pipes pipes = when == When::start ? sys::Pipes::inherited : sys::Pipes::refused;
  switch (const int error = sys::read_file(path.c_str(), most, out, pipes)) {
    case 0: break;
    case EFBIG: return subject + "larger than " + std::to_string(most) + " bytes";
    case ESPIPE: return subject + "not a regular file; copy its content into one";
    default: return subject + std::strerror(error);
  }
  if (out.starts_with("\xff\xfe") || out.starts_with("\xfe\xff"))
    return subject + "its text is UTF-16: save it as UTF-8";
  out.erase(0, out.size() - base::without_byte_order_mark(out).size());
  return {};
}

}  // namespace config
