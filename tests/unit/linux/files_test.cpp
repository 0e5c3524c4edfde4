// Files of a real directory: escapes from it, FIFOs, permissions, sendfile(2), and files that change while
// they are sent.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../../../src/files/gzip.hpp"
#include "../../../src/files/server.hpp"
#include "../../../src/plan/web_router.hpp"
#include "../../../src/sys/sys.hpp"
#include "support.hpp"

namespace {

namespace fs = std::filesystem;

using base::Reason;
using files::Answer;
using std::string;
using std::string_view;

string drain(base::BodySource* source) {
  string out;
  std::array<std::byte, 4096> room;
  while (source != nullptr) {
    const auto got = source->produce(room);
    if (got.got == base::BodySource::Got::failed) return out + "(failed)";
    if (got.got == base::BodySource::Got::end) return out;
    if (got.got == base::BodySource::Got::none) continue;
    out.append(reinterpret_cast<const char*>(room.data()), got.bytes);
  }
  return out;
}

// As of a sparse file, which takes no room on the disk.
TEST(ReadFile, ATooLargeFileIsNotRead) {
  const char* const path = "read_file_test";
  std::ofstream{path} << "head";
  fs::resize_file(path, 1000);
  string out = "before";
  EXPECT_EQ(sys::read_file(path, 999, out), EFBIG);
  EXPECT_EQ(out, "before");
  EXPECT_EQ(sys::read_file(path, 1000, out), 0);
  EXPECT_EQ(out.size(), 1000U);
  fs::remove(path);
}

// The kernel's own resolution of a path below a directory.
sys::Opened by_openat2(const sys::Fd& directory, const char* path, sys::Access access) {
  open_how how{};
  how.flags = access == sys::Access::look ? O_PATH | O_CLOEXEC : O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd =
      static_cast<int>(::syscall(SYS_openat2, directory.get(), *path == '\0' ? "." : path, &how, sizeof how));
  return {sys::Fd{fd}, fd < 0 ? errno : 0};
}

// A temporary directory; "www" below it is served.
class LinuxFiles : public testing::Test {
 protected:
  LinuxFiles() {
    string name = (fs::temp_directory_path() / "files-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    base = name;
    fs::permissions(base, fs::perms{0755});
    make("outside.txt", "outside");
    route.directory = (base / "www").string();
    fs::create_directory(base / "www");
    fs::permissions(base / "www", fs::perms{0755});
  }
  ~LinuxFiles() override { fs::remove_all(base); }

  void make(const string& name, string_view text, mode_t mode = 0644) const {
    {
      std::ofstream file{base / name, std::ios::binary};
      file << text;
    }
    fs::permissions(base / name, fs::perms{mode});
  }
  files::Answer ask(string_view below, const std::vector<http::Field>& list = {}) {
    http::RequestHead head;
    head.method = "GET";
    head.path = below;
    for (const http::Field& line : list) head.fields.add(line);
    plan::Config config;
    plan::Listener listener;
    listener.sites = {0};
    config.sites.emplace_back().routes = {route};
    const plan::Plan plan = plan::plan_web(config, listener, head, {});
    files::Answer refused;
    refused.reason = plan.reason;
    return plan.reason == Reason::none ? files.answer(route, head, plan.file, now, sys::wall_ms())
                                       : std::move(refused);
  }
  string body(string_view below) {
    const files::Answer answer = ask(below);
    return std::to_string(answer.status) + ' ' + drain(answer.source.get());
  }

  fs::path base;
  plan::WebRoute route;
  files::Server files;
  std::uint64_t now = 1000;
};

TEST_F(LinuxFiles, NothingEscapesTheDirectory) {
  make("www/in.txt", "in");
  fs::create_directory(base / "www/sub");
  fs::create_directory(base / "www-other");
  make("www-other/x", "other");
  fs::create_symlink("../outside.txt", base / "www/relative");
  fs::create_symlink(base / "outside.txt", base / "www/absolute");
  fs::create_symlink("..", base / "www/up");
  fs::create_symlink("/proc/self/root", base / "www/magic");
  fs::create_symlink("/", base / "www/top");
  fs::create_symlink("../in.txt", base / "www/sub/inside");
  fs::create_symlink("../../www/in.txt", base / "www/sub/detour");
  fs::create_symlink("loop", base / "www/loop");
  EXPECT_EQ(body("/in.txt"), "200 in");
  EXPECT_EQ(body("/sub/inside"), "200 in");
  for (const char* const below : {"/relative", "/absolute", "/up/outside.txt", "/up/", "/top/etc/passwd",
                                  "/magic/etc/passwd", "/sub/detour"})
    EXPECT_EQ(ask(below).reason, Reason::file_forbidden) << below;
  EXPECT_EQ(ask("/loop").reason, Reason::file_not_found);
  for (const char* const below : {"/../outside.txt", "/sub/../../outside.txt", "/%2e%2e/outside.txt",
                                  "/..%2foutside.txt", "/../www-other/x"})
    EXPECT_EQ(ask(below).reason, Reason::bad_target) << below;
  EXPECT_EQ(ask("/" + string(300, 'n')).status, 404) << "longer than a name can be";
}

TEST_F(LinuxFiles, Openat2RefusesEscapes) {
  const sys::Opened folder = sys::open_directory(route.directory.c_str());
  ASSERT_TRUE(folder.fd);
  EXPECT_EQ(sys::open_beneath(folder.fd, "../outside.txt", sys::Access::read).error, EXDEV);
  EXPECT_EQ(sys::open_beneath(folder.fd, "/etc/passwd", sys::Access::read).error, EXDEV);
  EXPECT_EQ(sys::open_beneath(folder.fd, "nothing", sys::Access::look).error, ENOENT);
  EXPECT_TRUE(sys::open_beneath(folder.fd, "", sys::Access::look).fd);
  EXPECT_EQ(sys::open_directory((base / "outside.txt").c_str()).error, ENOTDIR);
}

// The kernel's own result is the reference for the fallback.
TEST_F(LinuxFiles, TheFallbackGivesTheSameResults) {
  make("www/in.txt", "in");
  fs::create_directories(base / "www/sub/deep");
  make("www/sub/deep/x", "x");
  const std::array<std::pair<const char*, const char*>, 12> links{
      {{"../outside.txt", "www/out"},
       {"/etc/passwd", "www/absolute"},
       {"..", "www/up"},
       {"loop", "www/loop"},
       {"sub/", "www/folder"},
       {"sub/deep/x", "www/file"},
       {"file/", "www/no-folder"},
       {"../in.txt", "www/sub/inside"},
       {"../../www/in.txt", "www/sub/detour"},
       {"../..", "www/sub/deep/top"},
       {"../../..", "www/sub/deep/above"},
       {"./sub/./deep/../inside", "www/winding"}}};
  for (const auto& [target, name] : links) fs::create_symlink(target, base / name);
  std::string from = "in.txt";
  for (int i = 0; i < 41; ++i) {  // one more than may be followed
    const std::string name = "link" + std::to_string(i);
    fs::create_symlink(from, base / "www" / name);
    from = name;
  }
  const sys::Opened folder = sys::open_directory(route.directory.c_str());
  const auto place = [](const sys::Opened& file) {
    sys::FileStatus status;
    if (file.fd && sys::status_of(file.fd, status) != 0) ADD_FAILURE();
    return std::tuple{file.error, status.inode, status.kind};
  };
  for (const char* const path : {"",
                                 ".",
                                 "..",
                                 "/",
                                 "/etc/passwd",
                                 "in.txt",
                                 "in.txt/",
                                 "in.txt/x",
                                 "in.txt/..",
                                 "sub",
                                 "sub/",
                                 "sub//deep///x",
                                 "sub/../in.txt",
                                 "sub/../../outside.txt",
                                 "sub/..",
                                 "nothing",
                                 "nothing/..",
                                 "out",
                                 "absolute",
                                 "up",
                                 "up/www/in.txt",
                                 "loop",
                                 "loop/x",
                                 "folder",
                                 "folder/deep/x",
                                 "file",
                                 "file/",
                                 "no-folder",
                                 "sub/inside",
                                 "sub/detour",
                                 "sub/deep/top",
                                 "sub/deep/top/in.txt",
                                 "sub/deep/above",
                                 "sub/deep/above/in.txt",
                                 "winding",
                                 "link39",
                                 "link40",
                                 "./././in.txt",
                                 "sub/deep/../deep/x"})
    for (const sys::Access access : {sys::Access::look, sys::Access::read})
      EXPECT_EQ(place(sys::open_beneath(folder.fd, path, access)), place(by_openat2(folder.fd, path, access)))
          << path;
}

// Whatever the mode of the file itself.
TEST_F(LinuxFiles, FoldersThatOthersMayNotSearch) {
  fs::create_directories(base / "www/private/deep");
  fs::create_directory(base / "www/dir");
  fs::permissions(base / "www/private/deep", fs::perms{0755});
  fs::permissions(base / "www/dir", fs::perms{0711});
  make("www/private/a", "secret");
  make("www/private/deep/b", "secret");
  make("www/dir/c", "open");
  fs::create_symlink("private/a", base / "www/link");
  fs::create_symlink("private", base / "www/folder");
  fs::permissions(base / "www/private", fs::perms{0744});
  for (const char* path : {"/private/a", "/private/deep/b", "/private/", "/private", "/link", "/folder/a",
                           "/folder", "/private/none"})
    EXPECT_EQ(ask(path).reason, Reason::file_forbidden) << path;
  EXPECT_EQ(body("/dir/c"), "200 open");
  const string page = body("/");
  for (const char* name : {"private", "folder", "link"}) EXPECT_EQ(page.find(name), string::npos) << name;
  fs::permissions(base / "www/private", fs::perms{0711});
  EXPECT_EQ(body("/private/deep/b"), "200 secret");
}

TEST_F(LinuxFiles, UnreadableFiles) {
  make("www/closed.txt", "closed", 0640);
  make("www/open.txt", "open", 0644);
  fs::create_directory(base / "www/dir");
  make("www/dir/x", "x");
  fs::permissions(base / "www/dir", fs::perms{0751});
  EXPECT_EQ(ask("/closed.txt").reason, Reason::file_forbidden);
  EXPECT_EQ(body("/open.txt"), "200 open");
  EXPECT_EQ(ask("/dir/").reason, Reason::file_forbidden);
  EXPECT_EQ(body("/dir/x"), "200 x");
  const string page = body("/");
  EXPECT_EQ(page.find("closed.txt"), string::npos);
  EXPECT_NE(page.find("href=\"dir/\""), string::npos);
}

// A program that opens a FIFO for writing without waiting gets ENXIO as long as no reader has it open.
TEST_F(LinuxFiles, AFifoIsNotOpened) {
  ASSERT_EQ(::mkfifo((base / "www/pipe").c_str(), 0644), 0);
  fs::permissions(base / "www/pipe", fs::perms{0644});
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const string path = (base / "www/socket").string();
  ASSERT_LT(path.size(), sizeof name.sun_path);
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const sys::Fd socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(ask("/pipe").reason, Reason::file_forbidden);
  EXPECT_EQ(ask("/socket").reason, Reason::file_forbidden);
  const sys::Opened folder = sys::open_directory(route.directory.c_str());
  EXPECT_EQ(sys::open_beneath(folder.fd, "pipe", sys::Access::read).error, EACCES)
      << "O_NONBLOCK would open it";
  sys::FileStatus status;
  ASSERT_EQ(sys::status_of(sys::open_beneath(folder.fd, "pipe", sys::Access::look).fd, status), 0);
  EXPECT_EQ(status.kind, sys::FileStatus::Kind::other);
}

TEST_F(LinuxFiles, ALogIsNotForOthers) {
  const mode_t before = ::umask(0);
  const sys::Opened log = sys::open_log((base / "log").c_str());
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::fstat(log.fd.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(LinuxFiles, OnlyTheSameFileIsRemoved) {
  const string path = (base / "record").string();
  const sys::Opened own = sys::create_file(path.c_str());
  sys::FileStatus status;
  ASSERT_EQ(sys::status_of(own.fd, status), 0);
  fs::rename(path, base / "moved");
  EXPECT_EQ(sys::remove_file(path.c_str(), status), ENOENT);
  make("record", "another file");
  EXPECT_EQ(sys::remove_file(path.c_str(), status), ESTALE);
  EXPECT_TRUE(fs::exists(path));
  fs::remove(path);
  fs::create_symlink(base / "moved", path);
  EXPECT_EQ(sys::remove_file(path.c_str(), status), ESTALE) << "a link to it is not it";
  EXPECT_EQ(sys::remove_file((base / "moved").c_str(), status), 0);
  EXPECT_FALSE(fs::exists(base / "moved"));
}

TEST_F(LinuxFiles, FieldsAreCorrect) {
  make("www/a.txt", "hello");
  struct stat status {};
  ASSERT_EQ(::stat((base / "www/a.txt").c_str(), &status), 0);
  const sys::Opened folder = sys::open_directory(route.directory.c_str());
  sys::FileStatus seen;
  ASSERT_EQ(sys::status_of(sys::open_beneath(folder.fd, "a.txt", sys::Access::look).fd, seen), 0);
  EXPECT_EQ(seen.kind, sys::FileStatus::Kind::regular);
  EXPECT_TRUE(seen.world_readable);
  EXPECT_EQ(seen.inode, status.st_ino);
  EXPECT_EQ(seen.size, 5U);
  EXPECT_EQ(seen.modified_ns, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
}

TEST_F(LinuxFiles, ADirectoryIsListed) {
  std::set<string> expected;
  for (int i = 0; i < 700; ++i) {  // more than one call of getdents64(2) returns
    const string name = string(60, 'n') + std::to_string(i);
    make("www/" + name, "x");
    expected.insert(name);
  }
  const sys::Opened folder = sys::open_directory(route.directory.c_str());
  const sys::Opened readable = sys::open_beneath(folder.fd, "", sys::Access::read);
  std::multiset<string> found;
  for (bool end = false; !end;) {
    std::vector<sys::DirectoryEntry> entries;
    ASSERT_EQ(sys::read_directory(readable.fd, entries, end), 0);
    EXPECT_LE(entries.size(), 170U) << "a bounded piece";
    EXPECT_EQ(end, entries.empty());
    for (const sys::DirectoryEntry& entry : entries) found.insert(entry.name);
  }
  EXPECT_EQ(found, (std::multiset<string>{expected.begin(), expected.end()}));
}

TEST_F(LinuxFiles, AChangeIsDetected) {
  make("www/a.txt", "hello");
  EXPECT_EQ(body("/a.txt"), "200 hello");
  make("www/a.txt", "world");  // of the same length, perhaps within the same tick of the clock
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 world");
}

TEST_F(LinuxFiles, AReleaseIsSwitched) {
  fs::create_directory(base / "first");
  fs::create_directory(base / "second");
  make("first/a.txt", "first");
  make("second/a.txt", "second");
  fs::create_symlink("first", base / "current");
  route.directory = (base / "current").string();
  EXPECT_EQ(body("/a.txt"), "200 first");
  fs::create_symlink("second", base / "next");
  fs::rename(base / "next", base / "current");
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 second");
}

// ---- sending
// -----------------------------------------------------------------------------------------------

struct Pair {
  Pair() {
    std::array<int, 2> both{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()) != 0) std::abort();
    ours = sys::Fd{both[0]};
    theirs = sys::Fd{both[1]};
  }
  string read() const {
    string out;
    std::array<char, 65'536> room;
    for (ssize_t count = 0; (count = ::read(theirs.get(), room.data(), room.size())) > 0;)
      out.append(room.data(), static_cast<std::size_t>(count));
    return out;
  }
  sys::Fd ours, theirs;
};

TEST_F(LinuxFiles, SendfileSendsTheSameBytesAsProduce) {
  string text;
  for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i) + ' ';
  make("www/large.bin", text);
  const files::Answer answer = ask("/large.bin", {{"Range", "bytes=10-"}});
  ASSERT_NE(answer.source, nullptr);
  const Pair pair;
  string got;
  int full = 0;
  for (base::FileRange range; (range = answer.source->range()).fd >= 0;) {
    std::uint64_t offset = range.offset;
    const sys::Io io = sys::send_file(pair.ours, range.fd, offset, range.length);
    if (io.outcome == sys::Outcome::again) {
      ++full;
      got += pair.read();
      continue;
    }
    ASSERT_EQ(io.outcome, sys::Outcome::done);
    EXPECT_EQ(offset, range.offset + io.bytes);
    answer.source->sent(io.bytes);
  }
  got += pair.read();
  EXPECT_EQ(got, text.substr(10));
  EXPECT_GT(full, 0) << "more than the socket holds";
  EXPECT_EQ(drain(answer.source.get()), "") << "that was all";
}

TEST_F(LinuxFiles, AFileThatShrinks) {
  make("www/large.bin", string(200'000, 'x'));
  const files::Answer produced = ask("/large.bin"), sent = ask("/large.bin");
  EXPECT_EQ(sent.body.length, 200'000U);
  fs::resize_file(base / "www/large.bin", 100'000);
  EXPECT_EQ(drain(produced.source.get()), string(100'000, 'x') + "(failed)");
  const Pair pair;
  std::uint64_t offset = 100'000;
  const sys::Io io = sys::send_file(pair.ours, sent.source->range().fd, offset, 100'000);
  EXPECT_EQ(io.outcome, sys::Outcome::eof) << "no wait for bytes that will not come";
  EXPECT_EQ(offset, 100'000U);
}

TEST_F(LinuxFiles, AFileThatGrowsOrIsDeletedIsSentUnchanged) {
  make("www/a.bin", string(100'000, 'x'));
  const files::Answer answer = ask("/a.bin");
  std::ofstream{base / "www/a.bin", std::ios::app} << "more";
  fs::remove(base / "www/a.bin");
  EXPECT_EQ(drain(answer.source.get()), string(100'000, 'x'));
}

TEST_F(LinuxFiles, GzipCanBeUnpacked) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  string text;
  for (int i = 0; text.size() < 500'000; ++i) text += std::to_string(i * 7919) + '\n';
  make("www/a.txt", text);
  make("www/zeros.txt", string(3'000'000, '0'));
  route.gzip = true;
  const auto unpacked = [this](const char* below) {
    const files::Answer answer = ask(below, {{"Accept-Encoding", "gzip"}});
    make("packed.gz", drain(answer.source.get()));
    const string command = "gzip -dc < '" + (base / "packed.gz").string() + "'";
    string out;
    FILE* const pipe = ::popen(command.c_str(), "r");
    std::array<char, 65'536> room;
    for (std::size_t count = 0; (count = std::fread(room.data(), 1, room.size(), pipe)) > 0;)
      out.append(room.data(), count);
    EXPECT_EQ(::pclose(pipe), 0);
    return out;
  };
  EXPECT_EQ(unpacked("/a.txt"), text);
  EXPECT_EQ(unpacked("/zeros.txt"), string(3'000'000, '0'));
  make("www/small.txt", text.substr(0, 5000));
  EXPECT_EQ(unpacked("/small.txt"), text.substr(0, 5000));
}

TEST_F(LinuxFiles, TheFileOfAListener) {
  make("www/a.txt", "hello");
  make("www/closed.txt", "closed", 0600);
  fs::create_symlink("../outside.txt", base / "www/out");
  Reason why = Reason::none;
  EXPECT_EQ(drain(files::open_whole_file(route.directory, "a.txt", why).get()), "hello");
  EXPECT_EQ(files::open_whole_file(route.directory, "out", why), nullptr);
  EXPECT_EQ(files::open_whole_file(route.directory, "../outside.txt", why), nullptr);
  EXPECT_EQ(files::open_whole_file(route.directory, "closed.txt", why), nullptr);
  EXPECT_EQ(why, Reason::file_forbidden);
}

}  // namespace
