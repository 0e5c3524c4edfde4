#include "check.hpp"

#include "../config/paths.hpp"
#include "../sys/sys.hpp"
#include "handover.hpp"
#include "privileges.hpp"
#include "recorder.hpp"
#include "reload.hpp"
#include "streams.hpp"

namespace server {
namespace {

// Its socket is a new one, or that of the running process.
std::string check_takeover(const plan::Config& config) {
  if (config.takeover.empty()) return {};
  const sys::PathKind kind = sys::path_kind(config.takeover.c_str(), sys::Links::kept);
  if (kind != sys::PathKind::none && kind != sys::PathKind::socket) return no_socket(config.takeover);
  return config::check_new_file(config.takeover, "--takeover: cannot listen at");
}

// The file of the whole run is always a new one.
std::string check_record_file(const plan::Config& config) {
  if (config.record_file.empty()) return {};
  const sys::PathKind kind = sys::path_kind(config.record_file.c_str(), sys::Links::kept);
  if (kind != sys::PathKind::none && kind != sys::PathKind::regular)
    return no_regular_file(config.record_file);
  return config::check_new_file(config.record_file, "cannot create");
}

}  // namespace

std::string check(plan::Generation& generation) {
  const plan::Config& config = generation.config;
  if (std::string error = check_streams(config); !error.empty()) return error;
  if (std::string error = check_takeover(config); !error.empty()) return error;
  if (std::string error = drop_privileges(config); !error.empty()) return error;
  if (std::string error = read_files(generation); !error.empty()) return error;
  if (std::string error = check_record_file(config); !error.empty()) return error;
  return check_record_folder(config.record_folder);
}

}  // namespace server
