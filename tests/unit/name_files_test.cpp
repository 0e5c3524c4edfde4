// resolv.conf(5) and hosts(5), as they are found on real systems.
#include <gtest/gtest.h>

#include <string>

#include "../../src/config/options.hpp"
#include "../../src/net/hosts_file.hpp"
#include "../../src/net/resolv_conf.hpp"
#include "bench.hpp"

namespace {

using std::string;

string shown(const std::vector<sys::Address>& addresses) {
  string out;
  for (const sys::Address& address : addresses)
    out += (out.empty() ? "" : " ") + string{sys::ip_text(address).view()};
  return out;
}

TEST(ResolvConf, NameServers) {
  struct Row {
    const char *title, *text, *servers;
  };
  for (const Row& row : {
           Row{"no file", "", "127.0.0.1"},
           Row{"none named", "search example.com\noptions ndots:5\n", "127.0.0.1"},
           Row{"several", "nameserver 10.0.0.1\nnameserver 10.0.0.2\n", "10.0.0.1 10.0.0.2"},
           Row{"no final newline", "nameserver 10.0.0.1", "10.0.0.1"},
           Row{"CRLF", "nameserver 10.0.0.1\r\nnameserver ::1\r\n", "10.0.0.1 ::1"},
           Row{"byte order mark", "\xef\xbb\xbfnameserver 10.0.0.1\n", "10.0.0.1"},
           Row{"comments", "# nameserver 10.0.0.9\n; nameserver 10.0.0.8\nnameserver 10.0.0.1 # main\n",
               "10.0.0.1"},
           Row{"blanks", "\n \t nameserver\t 10.0.0.1 \n\n", "10.0.0.1"},
           Row{"other words", "nameservers 10.0.0.9\nNAMESERVER 10.0.0.8\nnameserver 10.0.0.1\n", "10.0.0.1"},
           Row{"no address", "nameserver dns.example.com\nnameserver\nnameserver 10.0.0.1\n", "10.0.0.1"},
           Row{"an interface", "nameserver fe80::1%lo\nnameserver fe80::2%7\n", "fe80::1%1 fe80::2%7"},
           Row{"no such interface", "nameserver fe80::1%none0\nnameserver 10.0.0.1\n", "10.0.0.1"},
           Row{"an interface of IPv4", "nameserver 10.0.0.9%lo\nnameserver 10.0.0.1\n", "10.0.0.1"},
       }) {
    const std::vector<sys::Address> servers = net::name_servers(row.text);
    EXPECT_EQ(shown(servers), row.servers) << row.title;
    for (const sys::Address& server : servers) EXPECT_EQ(server.port, 53) << row.title;
  }
}

TEST(ResolvConf, TooManyNameServers) {
  string text;
  for (int i = 1; i <= 20; ++i) text += "nameserver 10.0.0." + std::to_string(i) + "\n";
  EXPECT_EQ(net::name_servers(text).size(), net::kNameServersMax);
}

TEST(NameServerOption, Addresses) {
  struct Row {
    const char *text, *address;
  };
  for (const Row& row : {Row{"10.0.0.1", "10.0.0.1:53"}, Row{"10.0.0.1:5353", "10.0.0.1:5353"},
                         Row{"::1", "[::1]:53"}, Row{"[::1]", "[::1]:53"}, Row{"[::1]:5353", "[::1]:5353"},
                         Row{"fe80::1%lo", "[fe80::1%1]:53"}, Row{"[fe80::1%lo]:54", "[fe80::1%1]:54"}}) {
    plan::Config config;
    EXPECT_EQ(config::apply_option(config, "--nameserver", row.text), "") << row.text;
    ASSERT_EQ(config.nameservers.size(), 1U) << row.text;
    EXPECT_EQ(sys::endpoint_text(config.nameservers[0]).view(), row.address);
  }
  for (const char* text : {"", "dns.example.com", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "[10.0.0.1]",
                           "[::1", "[::1]x", "[::1]:", "10.0.0", "fe80::1%none0", ":53", "10.0.0.1 "}) {
    plan::Config config;
    EXPECT_NE(config::apply_option(config, "--nameserver", text).find("expected ADDRESS[:PORT]"),
              string::npos)
        << text;
  }
  plan::Config config;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(config::apply_option(config, "--nameserver", "10.0.0.1"), "");
  EXPECT_EQ(config::apply_option(config, "--nameserver", "10.0.0.1"), "more than 8 DNS servers");
}

class Hosts : public testing::Test {
 protected:
  Hosts() : world(chooser, bench::kind()) { world.enter(); }
  ~Hosts() override {
    file.reset();
    world.leave();
  }
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  // The file is there, and has been read.
  void have(const string& text) {
    world.put_file("/etc/hosts", text);
    file.emplace("/etc/hosts");
    read();
  }
  std::size_t read() {
    std::size_t steps = 0;
    file->refresh();
    for (; file->reading(); ++steps) file->step();
    return steps;
  }
  string find(const char* name) {
    std::vector<sys::Address> out;
    file->find(name, out);
    return shown(out);
  }

  bench::First chooser;
  sim::World world;
  std::optional<net::HostsFile> file;
};

TEST_F(Hosts, NamesAndAliases) {
  have(
      "127.0.0.1 localhost\n\n# a comment\n10.0.0.1\thost.test  Alias.TEST host # its.comment\n::1 "
      "six.test\n");
  EXPECT_EQ(find("host.test"), "10.0.0.1");
  EXPECT_EQ(find("alias.test"), "10.0.0.1");
  EXPECT_EQ(find("host"), "10.0.0.1");
  EXPECT_EQ(find("six.test"), "::1");
  for (const char* name : {"its.comment", "test", "comment", "10.0.0.1", "", "ost.test", "host.tes"})
    EXPECT_EQ(find(name), "") << name;
}

TEST_F(Hosts, AllLinesOfAName) {
  have("10.0.0.1 a.test b.test\n10.0.0.2 b.test\nfe80::1%lo b.test\nnonsense b.test\n");
  EXPECT_EQ(find("b.test"), "10.0.0.1 10.0.0.2 fe80::1%1");
}

TEST_F(Hosts, AsEditorsLeaveThem) {
  for (const char* text : {"10.0.0.1 a.test\r\n10.0.0.2 b.test\r\n",
                           "\xef\xbb\xbf"
                           "10.0.0.1 a.test\n10.0.0.2 b.test",
                           "10.0.0.1 a.test.\n10.0.0.2 b.test"}) {
    have(text);
    EXPECT_EQ(find("a.test"), "10.0.0.1") << text;
    EXPECT_EQ(find("b.test"), "10.0.0.2") << text;
  }
}

TEST_F(Hosts, WithoutTheFileThereAreNone) {
  file.emplace("/etc/hosts");
  EXPECT_EQ(find("a.test"), "") << "before it is looked for";
  read();
  EXPECT_FALSE(file->reading());
  EXPECT_EQ(find("a.test"), "");
  world.put_file("/etc/hosts", "10.0.0.1 a.test\n");
  EXPECT_TRUE(file->refresh());
  while (file->reading()) file->step();
  EXPECT_EQ(find("a.test"), "10.0.0.1");
}

TEST_F(Hosts, ReadAgainOnlyWhenChanged) {
  have("10.0.0.1 a.test\n");
  const std::size_t before = world.files_read;
  EXPECT_FALSE(file->refresh());
  EXPECT_FALSE(file->reading());
  EXPECT_EQ(world.files_read, before);
  world.put_file("/etc/hosts", "10.0.0.2 a.test\n");
  EXPECT_TRUE(file->refresh());
  while (file->reading()) file->step();
  EXPECT_EQ(find("a.test"), "10.0.0.2");
  world.tree.erase("/etc/hosts");
  EXPECT_TRUE(file->refresh());
  EXPECT_EQ(find("a.test"), "");
}

TEST_F(Hosts, AShortageOfDescriptorsIsNoChange) {
  have("10.0.0.1 a.test\n");
  world.descriptor_limit = 0;
  EXPECT_FALSE(file->refresh());
  EXPECT_EQ(find("a.test"), "10.0.0.1");
}

TEST_F(Hosts, LargeFilesAreReadInPieces) {
  string text;
  for (int i = 0; i < 150'000; ++i)
    text += "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
            std::to_string(i & 255) + " host" + std::to_string(i) + ".test\n";
  world.put_file("/etc/hosts", text);
  file.emplace("/etc/hosts");
  EXPECT_EQ(read(), (text.size() + net::HostsFile::kPieceBytes - 1) / net::HostsFile::kPieceBytes + 1);
  for (const int i : {0, 1, 77'777, 149'999}) {
    const string wanted =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    EXPECT_EQ(find(("host" + std::to_string(i) + ".test").c_str()), wanted);
  }
  EXPECT_EQ(find("host150000.test"), "");
}

TEST_F(Hosts, ALineWithoutEnd) {
  have("10.0.0.1 a.test\n10.0.0.2" + string(net::HostsFile::kPieceBytes * 3, ' ') +
       "b.test\n10.0.0.3 c.test\n");
  EXPECT_EQ(find("a.test"), "10.0.0.1");
  EXPECT_EQ(find("c.test"), "10.0.0.3");
}

}  // namespace
