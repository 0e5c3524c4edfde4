// A record file in place of a running proxy: what `proxy replay` shows in a browser.
#pragma once
#include <memory>
#include <string>

#include "../record/recording.hpp"

namespace console {

struct ShownFile {
  std::string name;                          // as the user gave it
  std::shared_ptr<const std::string> bytes;  // of the file
  record::Recording recording;               // the same
};

}  // namespace console
