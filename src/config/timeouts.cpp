#include "timeouts.hpp"

#include <array>

#include "options.hpp"

namespace config {
namespace {

std::array<std::string, plan::kDeadlines> make_keys() {
  std::array<std::string, plan::kDeadlines> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = file_key(plan::kDeadlineRows[i].option);
  return keys;
}
const std::array<std::string, plan::kDeadlines> kKeys = make_keys();

}  // namespace

void read_timeouts(const FileObject& object, plan::Timeouts& out) {
  plan::Timeouts found;
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const FileValue* const value = object.find(kKeys[i]);
    if (value == nullptr) continue;
    if (value->kind() != JsonValue::Kind::number && !value->text("a time, as in 30 or \"10m\"")) continue;
    plan::Timeout timeout{plan::kDeadlineRows[i].wait};
    const std::string error = parse_timeout(timeout.wait, value->raw(), timeout.ms);
    if (error.empty())
      found.push_back(timeout);
    else
      value->error(error);
  }
  out.insert(out.begin(), found.begin(), found.end());
}

}  // namespace config
