#include "diagnostics.hpp"

#include <algorithm>
#include <string>

#include "../base/text.hpp"
#include "../sys/sys.hpp"

namespace watch {

void print_diagnostics(std::string_view message) {
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    sys::write_stderr("proxy: " + base::printable(message.substr(0, end)) + "\n");
    message.remove_prefix(std::min(end + 1, message.size()));
  }
}

}  // namespace watch
