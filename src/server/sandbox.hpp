// The sandbox of the server: the files that it may use, and the paths that a reload may name. A process
// cannot get more rights again, so both follow from the configuration at the start.
#pragma once
#include <string>
#include <vector>

#include "../plan/config.hpp"
#include "../sys/sandbox.hpp"

namespace server {

// The directories of files that it serves.
std::vector<std::string> served_directories(const plan::Config& config);

// The paths that the server uses with this configuration, after its start. REQUIRES: the access log is open.
std::vector<sys::UsedPath> used_paths(const plan::Config& config);

class Sandbox {
 public:
  // Limits this process to what the configuration needs, unless that says `off`. Returns an error message;
  // empty: success, also if the kernel cannot and the configuration does not require it. REQUIRES: all that
  // is used at the start only was opened.
  std::string enter(const plan::Config& config);
  // What to tell the user of the sandbox: as far as the kernel has it, with -v; that there is none, always.
  [[nodiscard]] const std::string& notice() const noexcept { return notice_; }
  [[nodiscard]] bool is_missing() const noexcept { return missing_; }
  // The error message if a reload cannot use `next`, because it names a path that the sandbox does not allow;
  // empty: it can.
  [[nodiscard]] std::string objection(const plan::Config& next) const;
  // The same for the configuration file, before it is read; "": there is none.
  [[nodiscard]] std::string objection(const std::string& file) const;
  // The number of directories that it keeps open.
  [[nodiscard]] std::size_t descriptors() const noexcept { return kept_.size(); }

 private:
  std::string limit(const plan::Config& config);
  [[nodiscard]] std::string refusal(const std::string& path, const std::string& real, sys::PathUse use) const;

  std::string notice_;
  bool missing_ = false;
  bool limits_files_ = false;
  std::vector<sys::GrantedPath> granted_;
  std::vector<sys::UsedPath> named_;  // by the configuration at the start, as it spells them
  std::vector<sys::Fd> kept_;
};

}  // namespace server
