// Errors of the command line: each says what to do.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../../src/config/command_line.hpp"
#include "../../../src/config/options.hpp"
#include "../../../src/config/text_file.hpp"
#include "support.hpp"

namespace {

using config::CommandLine;
using std::string;

CommandLine parse(std::vector<const char*> arguments) { return config::parse_command_line(arguments); }

TEST(LinuxCommandLine, EachErrorNamesTheOptionAndSaysWhatToDo) {
  struct Row {
    std::vector<const char*> arguments;
    const char *names, *helps;
  };
  const Row rows[] = {
      {{}, "port", "proxy 8080"},
      {{"eighty"}, "'eighty'", "expected 1-65535"},
      {{"-5"}, "-5", "--help"},
      {{"70000"}, "'70000'", "expected 1-65535"},
      {{"80", "81"}, "more than one PORT", "--listen"},
      {{"80", "--lsten=x"}, "--lsten", "did you mean '--listen'?"},
      {{"80", "--qqqqqqqqqq"}, "--qqqqqqqqqq", "--help"},
      {{"80", "--listen"}, "--listen", "--help"},
      {{"--listen", "h:80"}, "'h:80'", "as in 127.0.0.1:8080"},
      {{"--listen", ":80"}, "0.0.0.0:80", "--allow"},
      {{"--listen", "[::1]"}, "'[::1]'", "as in 127.0.0.1:8080"},
      {{"--listen", "0.0.0.0:80"}, "0.0.0.0:80", "--allow"},
      {{"--listen", "[::]:80"}, "[::]:80", "--allow"},
      {{"--listen", "10.0.0.1:80"}, "10.0.0.1:80", "--allow"},
      {{"80", "--allow", "friends"}, "--allow: invalid rule 'friends'", "expected"},
      {{"80", "--allow", "10.0.0.0/33"}, "'10.0.0.0/33'", "expected"},
      {{"80", "--allow", "::/129"}, "'::/129'", "expected"},
      {{"80", "--allow", "10.0.0.0/-1"}, "'10.0.0.0/-1'", "expected"},
      {{"80", "--access-log="}, "--access-log", "file name"},
      {{"80", "--max-requests=0"}, "'0'", "expected 1-"},
      {{"80", "--max-requests=99999999"}, "'99999999'", "expected 1-"},
      {{"80", "--buffers=-1"}, "'-1'", "expected 1-"},
      {{"80", "--idle-timeout", "soon"}, "'soon'", "as in 30, 0.5, 10m"},
      {{"80", "--idle-timeout", "0"}, "'0'", "as in 30, 0.5, 10m"},
      {{"80", "--idle-timeout", "0.0004"}, "'0.0004'", "as in 30, 0.5, 10m"},
      {{"80", "--idle-timeout", "1e3"}, "'1e3'", "as in 30, 0.5, 10m"},
      {{"80", "--idle-timeout", "-1"}, "'-1'", "as in 30, 0.5, 10m"},
      {{"80", "--help=me"}, "--help", "unexpected value"},
  };
  for (const Row& row : rows) {
    const CommandLine line = parse(row.arguments);
    EXPECT_EQ(line.what, CommandLine::What::wrong) << row.names;
    EXPECT_NE(line.message.find(row.names), string::npos) << line.message;
    EXPECT_NE(line.message.find(row.helps), string::npos) << line.message;
    EXPECT_EQ(line.message.find('\n'), string::npos) << line.message;
  }
}

TEST(LinuxCommandLine, OnlyLoopbackIsOpenWithoutARule) {
  struct Row {
    const char* listen;
    bool open;
  };
  const Row rows[] = {{"127.0.0.1:80", true}, {"127.1.2.3:80", true},         {"[::1]:80", true},
                      {"0.0.0.0:80", false},  {"192.168.0.1:80", false},      {"[2001:db8::1]:80", false},
                      {"[::]:80", false},     {"[::ffff:127.0.0.1]:80", true}};
  for (const Row& row : rows) {
    EXPECT_EQ(parse({"--listen", row.listen}).what == CommandLine::What::run, row.open) << row.listen;
    EXPECT_EQ(parse({"--listen", row.listen, "--allow", "10.0.0.0/8"}).what, CommandLine::What::run)
        << row.listen;
  }
}

TEST(LinuxCommandLine, ParsesSecondsToTheMillisecond) {
  struct Row {
    const char* text;
    std::uint32_t ms;  // 0: refused
  };
  const Row rows[] = {{"1", 1000},       {"0.5", 500},        {"0.05", 50},
                      {"0.005", 5},      {"12.345", 12'345},  {"86400", 86'400'000},
                      {"007", 7000},     {"86401", 0},        {"1.", 0},
                      {".5", 0},         {"0.0005", 0},       {"1,5", 0},
                      {"", 0},           {"4294968", 0},      {" 1", 0},
                      {"1 ", 0},         {"+1", 0},           {"250ms", 250},
                      {"30s", 30'000},   {"10m", 600'000},    {"1.5m", 90'000},
                      {"1h", 3'600'000}, {"24h", 86'400'000}, {"1d", 86'400'000},
                      {"25h", 0},        {"2d", 0},           {"ms", 0},
                      {"1M", 0},         {"1.ms", 0},         {"1ss", 0},
                      {"1 s", 0},        {"0.5ms", 0},        {"99999999999999999999h", 0}};
  for (const plan::WaitRow& wait : plan::kDeadlineRows) {
    const CommandLine without = parse({"80", wait.option.data(), "0ms"});
    EXPECT_EQ(without.what == CommandLine::What::run, wait.endless) << wait.option << " " << without.message;
    for (const Row& row : rows) {
      const CommandLine line = parse({"80", wait.option.data(), row.text});
      ASSERT_EQ(line.what == CommandLine::What::run, row.ms != 0)
          << wait.option << " '" << row.text << "' " << line.message;
      if (row.ms == 0) continue;
      for (const plan::WaitRow& other : plan::kDeadlineRows)
        EXPECT_EQ(line.config.wait(other.wait), other.wait == wait.wait ? row.ms : other.default_ms)
            << other.option;
    }
  }
}

TEST(LinuxCommandLine, TheHelpNamesEachOptionAndItsDefault) {
  const string help = config::help_text();
  for (const char* option :
       {"PORT", "--listen [ADDRESS:]PORT", "--allow RULE", "--access-log FILE", "--log-format FORMAT",
        "SIGUSR1", "--max-requests N", "--buffers MIB", "-v, --verbose", "-h, --help", "--version"})
    EXPECT_NE(help.find(option), string::npos) << option;
  for (const plan::WaitRow& wait : plan::kDeadlineRows) {
    const std::size_t at = help.find(string{wait.option} + " S");
    ASSERT_NE(at, string::npos) << wait.option;
    const string line =
        help.substr(at, help.find("\n  -", at) - at);  // its description may be on the next one
    EXPECT_NE(line.find("(default " + config::seconds_text(wait.default_ms) + ")"), string::npos) << line;
    EXPECT_NE(line.find(wait.what), string::npos) << line;
  }
}

// A program that has opened the FIFO waits until another one opens its other end.
TEST(LinuxTextFile, OpensOnlyRegularFiles) {
  string folder = testing::TempDir() + "textfileXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const string fifo = folder + "/fifo", file = folder + "/file";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  std::ofstream{file} << "12345";
  string text;
  EXPECT_EQ(config::read_text_file(fifo, 10, text, config::When::start),
            "cannot read " + fifo + ": not a regular file; copy its content into one");
  EXPECT_EQ(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK), -1) << "nothing reads it";
  EXPECT_EQ(config::read_text_file("/dev/zero", 10, text, config::When::start),
            "cannot read /dev/zero: not a regular file; copy its content into one");
  EXPECT_EQ(config::read_text_file(folder, 10, text, config::When::start),
            "cannot read " + folder + ": Is a directory");
  EXPECT_EQ(config::read_text_file(file, 4, text, config::When::start),
            "cannot read " + file + ": larger than 4 bytes");
  EXPECT_EQ(config::read_text_file(file, 5, text, config::When::start), "");
  EXPECT_EQ(text, "12345");
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const string path = "/dev/fd/" + std::to_string(pipe[0]);
  ASSERT_EQ(::write(pipe[1], "678", 3), 3);
  EXPECT_EQ(config::read_text_file(path, 5, text, config::When::reload),
            "cannot read " + path + ": not a regular file; copy its content into one")
      << "its writer is silent: to read it would wait";
  ::close(pipe[1]);
  EXPECT_EQ(config::read_text_file(path, 5, text, config::When::start), "");
  EXPECT_EQ(text, "678");
  ::close(pipe[0]);
  std::filesystem::remove_all(folder);
}

}  // namespace
