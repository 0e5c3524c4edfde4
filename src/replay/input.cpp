#include "input.hpp"

#include <cerrno>
#include <cstring>

#include "../sys/sys.hpp"

namespace replay {

std::string read_input(const std::string& path, std::string& out) {
  const std::string subject = "cannot read " + path + ": ", most = std::to_string(kFileMax);
  switch (const int error = sys::read_file(path.c_str(), kFileMax, out, sys::Pipes::inherited)) {
    case 0: return {};
    case EFBIG:
      return subject + "larger than " + most + " bytes (1 GiB); for its beginning: head -c " + most +
             " FILE > part.pxr, then: proxy replay part.pxr";
    case ESPIPE: return subject + "not a regular file; copy its content into one";
    default: return subject + std::strerror(error);
  }
}

}  // namespace replay
