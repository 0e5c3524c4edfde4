// --user and --group, on the simulated kernel: user "proxy" is 13 in group 13, group "www" is 33.
#include "../../src/server/privileges.hpp"

#include <gtest/gtest.h>

#include <string>

#include "bench.hpp"

namespace {

using std::string;

struct Row {
  const char *user, *group;
  std::uint32_t own;  // user and group at the start
  const char* says;
  std::uint32_t becomes_user, becomes_group;
};

TEST(Privileges, BecomesTheUserOrSaysWhy) {
  const Row rows[] = {
      {"", "", 0, "", 0, 0},
      {"proxy", "", 0, "", 13, 13},
      {"proxy", "www", 0, "", 13, 33},
      {"", "www", 0, "", 0, 33},
      {"proxy", "", 13, "", 13, 13},
      {"proxy", "www", 13, "--user proxy: permission denied: start the proxy as root, or without this option",
       13, 13},
      {"proxy", "", 1000, "--user proxy: permission denied: start the proxy as root, or without this option",
       1000, 1000},
      {"", "www", 1000, "--group www: permission denied: start the proxy as root, or without this option",
       1000, 1000},
      {"missing", "", 0, "--user: there is no user 'missing': see getent passwd", 0, 0},
      {"proxy", "many", 0, "--group: there is no group 'many': see getent group", 0, 0},
  };
  for (const Row& row : rows) {
    bench::First chooser;
    sim::World world{chooser, bench::kind()};
    const bench::Inside inside{world};
    world.identity = {row.own, row.own};
    plan::Config config;
    config.user = row.user;
    config.group = row.group;
    EXPECT_EQ(server::drop_privileges(config), row.says) << row.user << ':' << row.group;
    EXPECT_EQ(world.identity.user, row.becomes_user) << row.user;
    EXPECT_EQ(world.identity.group, row.becomes_group) << row.group;
  }
}

}  // namespace
