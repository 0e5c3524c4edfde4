#include "streams.hpp"

#include <cstring>
#include <utility>

#include "../config/paths.hpp"
#include "../watch/sink.hpp"

namespace server {

namespace {

bool has_target(const plan::Config& config) noexcept {
  return config.access_log != "-" && config.access_log != "off";
}

std::string open_log(const plan::Config& config, const watch::LogTarget& where, sys::Fd& log) {
  sys::Opened opened = where.backend->open(where.path.c_str());
  log = std::move(opened.fd);
  if (log) return {};
  const bool is_path = where.backend == &watch::kFile;
  return "cannot open the log " + (is_path ? config::whole_path(where.path) : config.access_log) + ": " +
         std::strerror(opened.error);
}

}  // namespace

std::string open_streams(const plan::Config& config, watch::Reporter::Streams& streams) {
  streams.output = sys::open_stdout().fd;
  if (!has_target(config)) return {};
  return open_log(config, watch::log_target(config.access_log), streams.log_file);
}

std::string check_streams(const plan::Config& config) {
  if (!has_target(config)) return {};
  const watch::LogTarget where = watch::log_target(config.access_log);
  const bool is_new =
      where.backend == &watch::kFile && sys::path_kind(where.path.c_str()) == sys::PathKind::none;
  if (is_new) return config::check_new_file(where.path, "cannot open the log");
  sys::Fd log;
  return open_log(config, where, log);
}

}  // namespace server
