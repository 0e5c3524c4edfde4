// The sandbox of the server, on the simulated kernel: which paths it asks for, and what a reload may name.
#include "../../src/server/sandbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "../../src/server/reload.hpp"
#include "bench.hpp"

namespace {

using std::string;
using sys::PathUse;

plan::Config with_root(const string& root) {
  plan::Config config;
  plan::WebRoute route;
  route.directory = root;
  config.sites.emplace_back().routes = {route};
  return config;
}

class SandboxTest : public testing::Test {
 protected:
  bench::First chooser_;
  sim::World world_{chooser_, bench::kind()};
  bench::Inside inside_{world_};

  [[nodiscard]] bool allows(const string& path, PathUse use) const {
    const auto& allowed = world_.allowed_paths;
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const sys::UsedPath& one) { return one.path == path && one.use == use; });
  }
};

TEST_F(SandboxTest, AllowsWhatTheConfigurationNames) {
  plan::Config config = with_root("/srv/www");
  config.file = "/etc/proxy/proxy.json";
  config.users_files = {"/etc/passwords/users", ""};
  config.host_lists = {std::make_shared<plan::HostList>("lists/blocked", 7)};
  config.listeners.emplace_back().root = "/srv/course";
  config.access_log = "/var/log/proxy/access.log";
  config.record_folder = "/var/lib/proxy";
  config.takeover = "/run/proxy/takeover";
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(config), "");
  EXPECT_TRUE(world_.calls_are_limited);
  for (const char* const path : {"/etc/proxy", "/etc/passwords", "lists", "/srv/www", "/srv/course", "/etc"})
    EXPECT_TRUE(allows(path, PathUse::read)) << path;
  EXPECT_TRUE(allows("/var/log/proxy", PathUse::append));
  EXPECT_TRUE(allows("/var/lib/proxy", PathUse::record));
  EXPECT_TRUE(allows("/run/proxy", PathUse::remove));
  EXPECT_EQ(sandbox.notice(), "sandbox: system calls are limited, and files (Landlock 1)");
  EXPECT_FALSE(sandbox.is_missing());
}

TEST_F(SandboxTest, AllowsNothingElse) {
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(plan::Config{}), "");
  for (const sys::UsedPath& path : world_.allowed_paths)
    EXPECT_TRUE(path.use == PathUse::read || path.path == "/dev/null") << path.path;
  for (const char* const path : {"/", ".", "", "/srv", "/home", "/root", "/var", "/proc"})
    EXPECT_FALSE(allows(path, PathUse::read)) << path;
}

TEST_F(SandboxTest, OfALogOnlyAFileNeedsItsFolder) {
  for (const char* const log : {"-", "off", "syslog", "syslog:/run/log"}) {
    plan::Config config;
    config.access_log = log;
    const auto paths = server::used_paths(config);
    EXPECT_EQ(std::count_if(paths.begin(), paths.end(),
                            [](const sys::UsedPath& path) { return path.use == PathUse::append; }),
              1)
        << log << ": more than /dev/null";
  }
  plan::Config config;
  config.access_log = "/dev/stdout";
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(config), "");
  EXPECT_TRUE(allows("/dev/stdout", PathUse::append));
  EXPECT_FALSE(allows("/dev", PathUse::append));
}

TEST_F(SandboxTest, IsOffOrMissingOrRequired) {
  plan::Config config;
  config.sandbox = plan::Sandbox::off;
  server::Sandbox off;
  EXPECT_EQ(off.enter(config), "");
  EXPECT_EQ(off.notice(), "");
  EXPECT_FALSE(world_.calls_are_limited);

  world_.sandbox_error = ENOSYS;
  config.sandbox = plan::Sandbox::required;
  server::Sandbox required;
  EXPECT_EQ(required.enter(config), "--sandbox: this kernel cannot limit system calls (seccomp)");
  config.sandbox = plan::Sandbox::automatic;
  server::Sandbox automatic;
  EXPECT_EQ(automatic.enter(config), "");
  EXPECT_EQ(automatic.notice(), "no sandbox: this kernel cannot limit system calls (seccomp)");
  EXPECT_TRUE(automatic.is_missing());
  EXPECT_FALSE(world_.calls_are_limited);
}

TEST_F(SandboxTest, WithoutLandlockFilesAreFree) {
  world_.landlock_error = ENOSYS;
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(with_root("/srv/www")), "");
  EXPECT_EQ(sandbox.notice(),
            "sandbox: system calls are limited, but not files: this kernel has no Landlock");
  EXPECT_TRUE(world_.calls_are_limited);
  EXPECT_EQ(sandbox.objection(with_root("/elsewhere")), "");
}

// Without a free descriptor the paths cannot be opened: the calls are limited in spite of that.
TEST_F(SandboxTest, AShortageLeavesTheLimitOfCalls) {
  world_.landlock_error = EMFILE;
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(with_root("/srv/www")), "");
  EXPECT_EQ(sandbox.notice(),
            "sandbox: system calls are limited, but not files: cannot limit the files: Too many open files");
  EXPECT_TRUE(sandbox.is_missing());
  EXPECT_TRUE(world_.calls_are_limited);
  plan::Config required = with_root("/srv/www");
  required.sandbox = plan::Sandbox::required;
  EXPECT_EQ(server::Sandbox{}.enter(required), "--sandbox: cannot limit the files: Too many open files");
}

TEST_F(SandboxTest, AReloadKeepsWithinIt) {
  plan::Config config = with_root("/srv/www");
  config.file = "/etc/proxy/proxy.json";
  config.record_folder = "/var/lib/proxy";
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.objection(with_root("/elsewhere")), "") << "before it is entered";
  EXPECT_EQ(sandbox.enter(config), "");
  const string says =
      ": the sandbox does not allow this path, which the configuration did not name at the start: restart "
      "the proxy to use it";
  EXPECT_EQ(sandbox.objection(config), "");
  EXPECT_EQ(sandbox.objection(config.file), "");
  EXPECT_EQ(sandbox.objection("/home/proxy.json"), "/home/proxy.json" + says);
  EXPECT_EQ(sandbox.objection(string{}), "");
  EXPECT_EQ(sandbox.objection(with_root("/srv/www/deep")), "");
  EXPECT_EQ(sandbox.objection(with_root("/etc/proxy/www")), "");
  EXPECT_EQ(sandbox.objection(with_root("/srv/www2")), "/srv/www2" + says);
  plan::Config next;
  next.users_files = {"/etc/users", "/home/users"};
  EXPECT_EQ(sandbox.objection(next), "/home/users" + says);
  next = {};
  next.host_lists = {std::make_shared<plan::HostList>("/home/list", 7)};
  EXPECT_EQ(sandbox.objection(next), "/home/list" + says);
  next = {};
  next.record_folder = "/srv/www";
  EXPECT_EQ(sandbox.objection(next), "/srv/www" + says) << "it may be read only";
  next = {};
  next.listeners.emplace_back().root = "/home";
  EXPECT_EQ(sandbox.objection(next), "/home" + says);
}

TEST_F(SandboxTest, AReloadOutsideFails) {
  server::Sandbox sandbox;
  EXPECT_EQ(sandbox.enter(with_root("/srv/www")), "");
  const std::vector<const char*> arguments{"80", "--users", "/home/users"};
  const plan::Generation current;
  server::Reload reload{arguments, current, 10, sandbox};
  EXPECT_FALSE(reload.pending()) << "no file is read";
  const server::Loaded loaded = std::move(reload).result();
  EXPECT_EQ(loaded.generation, nullptr);
  EXPECT_EQ(loaded.error.find("/home/users: the sandbox does not allow this path"), 0U) << loaded.error;
}

}  // namespace
