#include "check.hpp"

#include <array>

#include "../config/paths.hpp"
#include "../sys/sys.hpp"
#include "handover.hpp"
#include "privileges.hpp"
#include "recorder.hpp"
#include "reload.hpp"
#include "streams.hpp"

namespace server {
namespace {

// The file of the whole run is always a new one.
std::string check_record_file(const plan::Config& config) {
  if (config.record_file.empty()) return {};
  const sys::PathKind kind = sys::path_kind(config.record_file.c_str());
  if (kind != sys::PathKind::none && kind != sys::PathKind::file) return no_regular_file(config.record_file);
  return config::check_new_file(config.record_file, "cannot create");
}

// Its socket is a new one, or that of the running process.
std::string check_takeover(const plan::Config& config) {
  if (config.takeover.empty()) return {};
  const sys::PathKind kind = sys::path_kind(config.takeover.c_str());
  if (kind == sys::PathKind::socket) return {};
  if (kind != sys::PathKind::none) return no_socket(config.takeover);
  return config::check_new_file(config.takeover, "--takeover: cannot listen at");
}

constexpr std::array kChecks{&check_streams, &check_record_file, &check_takeover, &check_privileges};

}  // namespace

std::string check(plan::Generation& generation) {
  if (std::string error = read_files(generation); !error.empty()) return error;
  for (const auto part : kChecks)
    if (std::string error = part(generation.config); !error.empty()) return error;
  return {};
}

}  // namespace server
