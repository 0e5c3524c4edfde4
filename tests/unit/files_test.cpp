// Files as responses, on the simulated kernel's file system. The test sets the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "../../src/base/budget.hpp"
#include "../../src/files/gzip.hpp"
#include "../../src/files/server.hpp"
#include "../../src/http/status.hpp"
#include "../../src/plan/web_router.hpp"
#include "bench.hpp"

namespace {

using base::Reason;
using files::Answer;
using std::string;
using std::string_view;
using Body = http::Body;
using Kind = sys::FileStatus::Kind;

constexpr std::int64_t kChanged = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::uint64_t kWall = 1'700'000'000'000;

// The whole body; ends with "(failed)" if it is truncated.
string drain(base::BodySource* source, std::size_t room = 1000) {
  string out;
  if (source == nullptr) return out;
  std::vector<std::byte> bytes(room);
  for (;;) {
    const auto got = source->produce(bytes);
    if (got.got == base::BodySource::Got::failed) return out + "(failed)";
    if (got.got == base::BodySource::Got::end) return out;
    if (got.got == base::BodySource::Got::none) continue;
    out.append(reinterpret_cast<const char*>(bytes.data()), got.bytes);
  }
}

// The value of a field; "-" if absent, "(twice)" if it occurs more than once.
string field(const files::Answer& answer, const string& name) {
  const string begin = name + ": ";
  string value = "-";
  for (std::size_t at = 0; at < answer.fields.size();) {
    const std::size_t end = answer.fields.find("\r\n", at);
    if (answer.fields.compare(at, begin.size(), begin) == 0)
      value = value == "-" ? answer.fields.substr(at + begin.size(), end - at - begin.size()) : "(twice)";
    at = end + 2;
  }
  return value;
}

class FilesTest : public testing::Test {
 protected:
  FilesTest() : world(chooser, bench::kind()) {
    world.enter();
    route.directory = "/www";
    world.put_node("/www", Kind::directory, "", kChanged);
    files = std::make_unique<files::Server>(
        files::Bounds{.cache_bytes = 100'000, .cached_file = 1000, .listing_bytes = 5 * (24 + 2)});
  }
  ~FilesTest() override {
    files.reset();
    EXPECT_EQ(world.descriptors(), 0U) << "all descriptors are closed";
    EXPECT_EQ(world.broken, "");
    world.leave();
  }

  static files::Answer refused(Reason reason) {
    files::Answer answer;
    answer.status = http::error_reply(reason).status;
    answer.reason = reason;
    return answer;
  }
  // The response to a request for `below` within the route, as the plan decides it.
  files::Answer ask(string_view below, const std::vector<http::Field>& list = {},
                    string_view method = "GET") {
    http::RequestHead head;
    head.method = method;
    for (const http::Field& line : list) head.fields.add(line);
    plan::Config config;
    plan::Listener listener;
    listener.sites = {0};
    config.sites.emplace_back().routes = {route};
    const string path = (route.prefix == "/" ? "" : route.prefix) + string{below};
    head.path = path;
    const plan::Plan plan = plan::plan_web(config, listener, head, {});
    if (plan.reason != Reason::none) return refused(plan.reason);
    return files->answer(route, head, plan.file, now, kWall + now);
  }
  // The body of the response to GET.
  string body(string_view below, const std::vector<http::Field>& list = {}) {
    const files::Answer answer = ask(below, list);
    return std::to_string(answer.status) + ' ' + drain(answer.source.get());
  }

  bench::First chooser;
  sim::World world;
  plan::WebRoute route;
  std::unique_ptr<files::Server> files;
  std::uint64_t now = 1'000'000;  // as the world's clock
};

TEST_F(FilesTest, AFileWithItsFields) {
  world.put_file("/www/a b.txt", "hello", kChanged);
  const files::Answer answer = ask("/a%20b.txt?x=y");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.reason, Reason::none);
  EXPECT_EQ(field(answer, "Content-Type"), "text/plain");
  EXPECT_EQ(field(answer, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(field(answer, "Accept-Ranges"), "bytes");
  EXPECT_EQ(field(answer, "Vary"), "-");
  EXPECT_EQ(field(answer, "ETag").front(), '"');
  EXPECT_EQ(answer.body, (Body{Body::Kind::length, 5}));
  EXPECT_EQ(drain(answer.source.get()), "hello");
}

TEST_F(FilesTest, HeadHasTheSameFieldsWithoutTheBody) {
  for (const std::size_t size : {0U, 5U, 5000U}) {
    world.put_file("/www/a.txt", string(size, 'x'), kChanged);
    files->forget();
    const files::Answer get = ask("/a.txt"), head = ask("/a.txt", {{"Range", "bytes=0-1"}}, "HEAD");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.fields, get.fields);
    EXPECT_EQ(head.body, get.body);
    EXPECT_EQ(head.body, (Body{Body::Kind::length, size}));
    EXPECT_EQ(head.source, nullptr);
    EXPECT_EQ(drain(get.source.get()), string(size, 'x'));
  }
}

TEST_F(FilesTest, Refusals) {
  world.put_file("/www/secret.txt", "x").status.world_readable = false;
  world.put_file("/www/plain.txt", "x");
  world.put_node("/www/pipe", Kind::other, "", kChanged);
  world.put_node("/www/out", Kind::link, "../etc", kChanged);
  world.put_node("/www/up", Kind::link, "/etc/passwd", kChanged);
  world.put_node("/www/loop", Kind::link, "loop", kChanged);
  world.put_file("/etc/passwd", "root");
  world.put_file("/www/sub/hidden/x", "x");
  (*world.tree["/www/sub/hidden"]).status.world_readable = false;
  struct Row {
    string_view below;
    int status;
    Reason reason;
  };
  const Row rows[] = {
      {"/nothing", 404, Reason::file_not_found},    {"/nothing/", 404, Reason::file_not_found},
      {"/plain.txt/", 404, Reason::file_not_found}, {"/plain.txt/x", 404, Reason::file_not_found},
      {"/loop", 404, Reason::file_not_found},       {"/secret.txt", 403, Reason::file_forbidden},
      {"/pipe", 403, Reason::file_forbidden},       {"/out/passwd", 403, Reason::file_forbidden},
      {"/up", 403, Reason::file_forbidden},         {"/sub/hidden/", 403, Reason::file_forbidden},
      {"/../etc/passwd", 400, Reason::bad_target},  {"/%2e%2e/etc/passwd", 400, Reason::bad_target},
      {"/a%00", 400, Reason::bad_target},           {"/a%2fb", 404, Reason::file_not_found},
  };
  for (const Row& row : rows) {
    const files::Answer answer = ask(row.below);
    EXPECT_EQ(answer.status, row.status) << row.below;
    EXPECT_EQ(answer.reason, row.reason) << row.below;
    EXPECT_EQ(answer.source, nullptr) << row.below;
  }
  EXPECT_EQ(body("/sub/hidden/x"), "200 x") << "an unlisted file can be requested by name";
}

TEST_F(FilesTest, SymlinksThatStayInside) {
  world.put_file("/www/a/x.txt", "there");
  world.put_node("/www/b/link.txt", Kind::link, "../a/x.txt", kChanged);
  EXPECT_EQ(body("/b/link.txt"), "200 there");
  route.directory = "/www/b";
  EXPECT_EQ(ask("/link.txt").status, 403) << "now it leads outside";
}

TEST_F(FilesTest, OtherMethods) {
  world.put_file("/www/a.txt", "x");
  const files::Answer post = ask("/a.txt", {}, "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.reason, Reason::method_not_allowed);
  EXPECT_EQ(field(post, "Allow"), "GET, HEAD, OPTIONS");
  const files::Answer options = ask("/a.txt", {}, "OPTIONS");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(field(options, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options.body.kind, Body::Kind::none);
  const files::Answer unknown = ask("/a.txt", {}, "get");
  EXPECT_EQ(unknown.status, 400) << "methods are case-sensitive, and this one is not registered";
  EXPECT_EQ(unknown.reason, Reason::unknown_method);
  EXPECT_EQ(field(unknown, "Allow"), "-");
}

TEST_F(FilesTest, OutOfDescriptors) {
  world.put_file("/www/a.txt", "x");
  world.descriptor_limit = 4;  // room for the directory only
  const files::Answer answer = ask("/a.txt");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason, Reason::no_descriptor);
}

// ---- directories -----------------------------------------------------------------------------------------

TEST_F(FilesTest, ADirectoryWithoutTrailingSlash) {
  world.put_file("/www/sub dir/x", "x");
  const auto location = [this](string_view below) {
    const files::Answer answer = ask(below);
    return std::to_string(answer.status) + ' ' + field(answer, "Location");
  };
  EXPECT_EQ(location("/sub%20dir"), "301 /sub%20dir/");
  EXPECT_EQ(location("//sub%20dir"), "301 /sub%20dir/") << "not another host";
  EXPECT_EQ(location("/sub%20dir?a=b&c"), "301 /sub%20dir/?a=b&c");
  EXPECT_EQ(ask("/sub%20dir/.").status, 200) << "the plan resolves it to /sub dir/";
  EXPECT_EQ(ask("/sub%20dir").body, (Body{Body::Kind::length, 0}));
  route.prefix = "/files";
  EXPECT_EQ(location("/sub%20dir"), "301 /files/sub%20dir/");
  EXPECT_EQ(location(""), "301 /files/");
  EXPECT_EQ(location("?x"), "301 /files/?x");
  EXPECT_EQ(ask("/").status, 200);
  route.prefix = "/files/";
  EXPECT_EQ(ask("").status, 200) << "the slash belongs to the prefix";
  EXPECT_EQ(location("sub%20dir"), "301 /files/sub%20dir/");
}

TEST_F(FilesTest, TheFirstExistingIndexFile) {
  route.index = {"index.html", "default.htm"};
  world.put_file("/www/default.htm", "second");
  EXPECT_EQ(body("/"), "200 second");
  world.put_file("/www/index.html", "first");
  EXPECT_EQ(body("/"), "200 first");
  EXPECT_EQ(field(ask("/"), "Content-Type"), "text/html");
  world.put_file("/www/index.html", "closed").status.world_readable = false;
  now += 1000;
  EXPECT_EQ(ask("/").status, 403) << "not the next index file: that might expose what was meant to be hidden";
}

TEST_F(FilesTest, Listings) {
  world.put_file("/www/sub/one.txt", "1");
  world.put_file("/www/sub/.hidden", "1");
  world.put_file("/www/sub/closed", "1").status.world_readable = false;
  world.put_node("/www/sub/pipe", Kind::other, "", kChanged);
  world.put_node("/www/sub/up", Kind::link, "../two.txt", kChanged);
  world.put_file("/www/two.txt", "22");
  const files::Answer answer = ask("/sub/");
  const string page = drain(answer.source.get());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(field(answer, "Content-Type"), "text/html");
  EXPECT_EQ(answer.body, (Body{Body::Kind::until_eof}));
  EXPECT_NE(page.find("Index of /sub/"), string::npos);
  EXPECT_NE(page.find("href=\"../\""), string::npos);
  EXPECT_NE(page.find("href=\"one.txt\""), string::npos);
  EXPECT_NE(page.find("href=\"up\">up</a></td><td>2 B"), string::npos) << "the size of a symlink's target";
  for (const char* const name : {"hidden", "closed", "pipe"})
    EXPECT_EQ(page.find(name), string::npos) << name;
  EXPECT_EQ(ask("/sub/", {}, "HEAD").body, answer.body);
  EXPECT_EQ(drain(ask("/").source.get()).find("href=\"../\""), string::npos) << "the root has no parent";
  route.listing = false;
  EXPECT_EQ(ask("/sub/").status, 403);
  EXPECT_EQ(ask("/nothing/").status, 404);
}

TEST_F(FilesTest, TheMemoryOfAListingIsBounded) {
  for (int i = 0; i < 5; ++i) world.put_file("/www/f" + std::to_string(i), "");
  EXPECT_EQ(drain(ask("/").source.get()).find("There is more"), string::npos);
  world.put_file("/www/f5", "");
  now += 1000;
  EXPECT_NE(drain(ask("/").source.get()).find("only 5 entries"), string::npos);
}

// ---- conditions and ranges -------------------------------------------------------------------------------

TEST_F(FilesTest, NotModified) {
  world.put_file("/www/a.txt", "hello", kChanged);
  const string etag = field(ask("/a.txt"), "ETag");
  const files::Answer same = ask("/a.txt", {{"If-None-Match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.reason, Reason::none);
  EXPECT_EQ(same.body.kind, Body::Kind::none);
  EXPECT_EQ(same.source, nullptr);
  EXPECT_EQ(field(same, "ETag"), etag);
  EXPECT_EQ(field(same, "Content-Type"), "-");
  EXPECT_EQ(ask("/a.txt", {{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}, "HEAD").status, 304);
  const files::Answer failed = ask("/a.txt", {{"If-Match", "\"x\""}});
  EXPECT_EQ(failed.status, 412);
  EXPECT_EQ(failed.reason, Reason::precondition_failed);
}

TEST_F(FilesTest, TheEtagChangesWithEachModification) {
  world.put_file("/www/a.txt", "hello", kChanged);
  const string first = field(ask("/a.txt"), "ETag");
  world.tree["/www/a.txt"]->status.modified_ns += 1;
  now += 1000;
  EXPECT_NE(field(ask("/a.txt"), "ETag"), first) << "nanoseconds count";
}

TEST_F(FilesTest, FutureModificationTimes) {
  world.put_file("/www/a.txt", "hello", static_cast<std::int64_t>(kWall / 1000) + 5000);
  EXPECT_EQ(field(ask("/a.txt"), "Last-Modified"), "Tue, 14 Nov 2023 22:30:00 GMT")
      << "but now, at kWall + 1000 s";
}

TEST_F(FilesTest, ARange) {
  for (const std::size_t size : {10U, 5000U}) {  // in memory, and from its file
    string text;
    while (text.size() < size) text += "0123456789";
    world.put_file("/www/a.txt", text, kChanged);
    files->forget();
    const files::Answer answer = ask("/a.txt", {{"Range", "bytes=2-4"}});
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(field(answer, "Content-Range"), "bytes 2-4/" + std::to_string(size));
    EXPECT_EQ(field(answer, "Content-Type"), "text/plain");
    EXPECT_EQ(answer.body, (Body{Body::Kind::length, 3}));
    EXPECT_EQ(drain(answer.source.get()), "234");
    EXPECT_EQ(body("/a.txt", {{"Range", "bytes=-2"}}), "206 89");
    EXPECT_EQ(body("/a.txt", {{"Range", "bytes=0-0"}, {"If-Range", field(answer, "ETag")}}), "206 0");
    EXPECT_EQ(body("/a.txt", {{"Range", "bytes=0-0"}, {"If-Range", "\"x\""}}), "200 " + text);
    EXPECT_EQ(body("/a.txt", {{"Range", "bytes=0-0"}, {"Range", "bytes=0-0"}}), "200 " + text);
    EXPECT_EQ(ask("/a.txt", {{"Range", "bytes=0-0"}, {"If-None-Match", "*"}}).status, 304);
    const files::Answer outside = ask("/a.txt", {{"Range", "bytes=" + std::to_string(size) + "-"}});
    EXPECT_EQ(outside.status, 416);
    EXPECT_EQ(outside.reason, Reason::range_not_satisfiable);
    EXPECT_EQ(field(outside, "Content-Range"), "bytes */" + std::to_string(size));
  }
}

TEST_F(FilesTest, MultipartRanges) {
  for (const std::size_t size : {10U, 5000U}) {
    string text;
    while (text.size() < size) text += "0123456789";
    world.put_file("/www/a.txt", text, kChanged);
    files->forget();
    const files::Answer answer = ask("/a.txt", {{"Range", "bytes=1-2,-1"}});
    const string type = field(answer, "Content-Type"), begin = "multipart/byteranges; boundary=";
    ASSERT_EQ(type.substr(0, begin.size()), begin);
    const string boundary = type.substr(begin.size()), all = '/' + std::to_string(size);
    const string last = std::to_string(size - 1);
    // RFC 9110 section 14.6, RFC 2046 section 5.1.1
    const string expected = "--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 1-2" +
                            all + "\r\n\r\n12\r\n--" + boundary +
                            "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + last + '-' + last +
                            all + "\r\n\r\n9\r\n--" + boundary + "--\r\n";
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(field(answer, "Content-Range"), "-");
    EXPECT_EQ(answer.body, (Body{Body::Kind::length, expected.size()}));
    EXPECT_EQ(drain(answer.source.get(), 7), expected);
    EXPECT_LE(boundary.size(), 70U) << "RFC 2046 section 5.1.1";
  }
}

// ---- body sources ----------------------------------------------------------------------------------------

TEST_F(FilesTest, ABodySourceOfAFileGivesItsRange) {
  world.put_file("/www/a.txt", string(5000, 'x') + "end", kChanged);
  const files::Answer answer = ask("/a.txt", {{"Range", "bytes=10-19,4990-"}});
  EXPECT_EQ(answer.source->range().fd, -1) << "the part's head comes first";
  std::array<std::byte, 500> room;
  string out;
  while (answer.source->range().fd < 0) {
    const auto got = answer.source->produce(room);
    ASSERT_EQ(got.got, base::BodySource::Got::some);
  }
  EXPECT_EQ(answer.source->range().offset, 10U);
  EXPECT_EQ(answer.source->range().length, 10U);
  answer.source->sent(4);
  EXPECT_EQ(answer.source->range().offset, 14U);
  EXPECT_EQ(answer.source->range().length, 6U);
  answer.source->sent(6);
  EXPECT_EQ(answer.source->range().fd, -1);
  EXPECT_NE(drain(answer.source.get()).find("xxxxxxxxxxend\r\n--"), string::npos);
  EXPECT_EQ(answer.source->range().fd, -1);
}

TEST_F(FilesTest, AFileThatShrinksTruncatesTheResponse) {
  world.put_file("/www/a.txt", string(5000, 'x'), kChanged);
  const files::Answer answer = ask("/a.txt");
  world.tree["/www/a.txt"]->text.resize(4000);
  EXPECT_EQ(drain(answer.source.get()), string(4000, 'x') + "(failed)");
}

// ---- the cache -------------------------------------------------------------------------------------------

TEST_F(FilesTest, ACachedFileNeedsNoSystemCall) {
  world.put_file("/www/a.txt", "hello", kChanged);
  EXPECT_EQ(body("/a.txt"), "200 hello");
  const auto opened = world.files_opened, looked = world.files_looked_at, read = world.files_read;
  for (int i = 0; i < 9; ++i, now += 100) EXPECT_EQ(body("/a.txt"), "200 hello");
  EXPECT_EQ(world.files_opened, opened);
  EXPECT_EQ(world.files_looked_at, looked);
  EXPECT_EQ(world.files_read, read);
  now += 1000;
  for (int i = 0; i < 9; ++i) EXPECT_EQ(body("/a.txt"), "200 hello");
  EXPECT_EQ(world.files_looked_at, looked + 1) << "revalidated once a second";
  EXPECT_EQ(world.files_read, read);
}

TEST_F(FilesTest, AChangeIsDetectedWithinASecond) {
  world.put_file("/www/a.txt", "hello", kChanged);
  const files::Answer before = ask("/a.txt");
  world.put_file("/www/a.txt", "world", kChanged);
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 world");
  EXPECT_EQ(drain(before.source.get()), "hello") << "a response that has begun continues";
  world.tree.erase("/www/a.txt");
  now += 1000;
  EXPECT_EQ(ask("/a.txt").status, 404);
  world.put_file("/www/a.txt", "again", kChanged).status.world_readable = false;
  EXPECT_EQ(ask("/a.txt").status, 403);
}

TEST_F(FilesTest, ARecentFileIsNotCached) {
  const auto changed = static_cast<std::int64_t>((kWall + now) / 1000);
  world.put_file("/www/a.txt", "hello", changed);
  EXPECT_EQ(body("/a.txt"), "200 hello");
  world.tree["/www/a.txt"]->text = "world";  // within the same tick of the file system's clock
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 world");
  now += 5000;
  EXPECT_EQ(body("/a.txt"), "200 world");
  const auto read = world.files_read;
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 world");
  EXPECT_EQ(world.files_read, read) << "now it is old enough";
}

TEST_F(FilesTest, AReplacedDirectory) {
  world.put_file("/www/a.txt", "old", kChanged);
  EXPECT_EQ(body("/a.txt"), "200 old");
  world.tree.erase("/www/a.txt");
  world.put_node("/www", Kind::directory, "", kChanged);
  world.put_file("/www/a.txt", "new", kChanged);
  now += 1000;
  EXPECT_EQ(body("/a.txt"), "200 new");
}

TEST_F(FilesTest, TheCacheIsBounded) {
  for (int i = 0; i < 300; ++i) {
    const string name = "/" + std::to_string(i);
    world.put_file("/www" + name, string(900, 'x'), kChanged);
    EXPECT_EQ(body(name), "200 " + string(900, 'x'));
    EXPECT_EQ(body("/0"), "200 " + string(900, 'x'));
    ASSERT_LE(files->cache().bytes(), 100'000U);
  }
  EXPECT_GT(files->cache().bytes(), 90'000U);
  auto read = world.files_read;
  body("/0");
  body("/299");
  EXPECT_EQ(world.files_read, read) << "the most recently used is cached";
  body("/1");
  EXPECT_GT(world.files_read, read);
  world.put_file("/www/large", string(1001, 'x'), kChanged);
  const auto bytes = files->cache().bytes();
  body("/large");
  EXPECT_EQ(files->cache().bytes(), bytes) << "too large to be cached";
}

// ---- gzip ------------------------------------------------------------------------------------------------

class GzipFiles : public FilesTest {
 protected:
  GzipFiles() { route.gzip = true; }
  const std::vector<http::Field> accept{{"Accept-Encoding", "gzip"}};
};

TEST_F(GzipFiles, PrecompressedFileNextToIt) {
  world.put_file("/www/a.png", "plain", kChanged);
  world.put_file("/www/a.png.gz", "packed", kChanged);
  const files::Answer packed = ask("/a.png", accept), plain = ask("/a.png");
  EXPECT_EQ(field(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(field(packed, "Content-Type"), "image/png");
  EXPECT_EQ(packed.body, (Body{Body::Kind::length, 6}));
  EXPECT_EQ(drain(packed.source.get()), "packed");
  EXPECT_EQ(drain(plain.source.get()), "plain");
  EXPECT_EQ(field(plain, "Content-Encoding"), "-");
  for (const files::Answer* const answer : {&packed, &plain})
    EXPECT_EQ(field(*answer, "Vary"), "Accept-Encoding");
  EXPECT_NE(field(packed, "ETag"), field(plain, "ETag"));
  EXPECT_EQ(body("/a.png", {{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-2"}}), "206 pac");
  EXPECT_EQ(body("/a.png", {{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-0,2-2"}}), "200 packed");
  EXPECT_EQ(field(ask("/a.png", {{"If-None-Match", "*"}}), "Vary"), "Accept-Encoding");
}

TEST_F(GzipFiles, NotIfOlderOrUnreadable) {
  world.put_file("/www/a.png", "plain", kChanged);
  world.put_file("/www/a.png.gz", "packed", kChanged - 1);
  EXPECT_EQ(body("/a.png", accept), "200 plain");
  EXPECT_EQ(field(ask("/a.png", accept), "Vary"), "-");
  world.put_file("/www/a.png.gz", "packed", kChanged).status.world_readable = false;
  now += 1000;
  EXPECT_EQ(body("/a.png", accept), "200 plain");
  world.put_file("/www/a.png.gz", "packed", kChanged);
  now += 1000;
  EXPECT_EQ(body("/a.png", accept), "200 packed");
  world.tree.erase("/www/a.png.gz");
  now += 1000;
  EXPECT_EQ(body("/a.png", accept), "200 plain");
  route.gzip = false;
  world.put_file("/www/a.png.gz", "packed", kChanged);
  EXPECT_EQ(body("/a.png", accept), "200 plain");
  EXPECT_EQ(field(ask("/a.png", accept), "Vary"), "-");
}

TEST_F(GzipFiles, OnlyIfWorthwhile) {
  world.put_file("/www/short.txt", string(255, 'x'), kChanged);
  world.put_file("/www/a.png", string(500, 'x'), kChanged);
  for (const string_view below : {"/short.txt", "/a.png"}) {
    EXPECT_EQ(field(ask(below, accept), "Content-Encoding"), "-") << below;
    EXPECT_EQ(field(ask(below, accept), "Vary"), "-") << below;
  }
}

TEST_F(GzipFiles, CompressedOnTheFly) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  for (const std::size_t size : {256U, 300'000U}) {  // in memory, and from its file
    world.put_file("/www/a.txt", string(size, 'x'), kChanged);
    files->forget();
    const files::Answer packed = ask("/a.txt", {{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-2"}});
    const files::Answer plain = ask("/a.txt");
    EXPECT_EQ(packed.status, 200) << "no ranges";
    EXPECT_EQ(field(packed, "Accept-Ranges"), "-");
    EXPECT_EQ(field(packed, "Content-Encoding"), "gzip");
    EXPECT_EQ(field(packed, "Vary"), "Accept-Encoding");
    EXPECT_EQ(field(plain, "Vary"), "Accept-Encoding");
    EXPECT_NE(field(packed, "ETag"), field(plain, "ETag"));
    const string bytes = drain(packed.source.get());
    EXPECT_EQ(bytes.substr(0, 3), "\x1f\x8b\x08") << "RFC 1952 section 2.3";
    EXPECT_LT(bytes.size(), size);
    if (size == 256) {
      EXPECT_EQ(packed.body, (Body{Body::Kind::length, bytes.size()}));
    } else {
      EXPECT_EQ(packed.body.kind, Body::Kind::until_eof);
    }
    const files::Answer head = ask("/a.txt", accept, "HEAD");
    EXPECT_EQ(head.fields, packed.fields);
    EXPECT_EQ(head.body, packed.body);
    EXPECT_EQ(ask("/a.txt", {{"Accept-Encoding", "gzip"}, {"If-None-Match", field(packed, "ETag")}}).status,
              304);
  }
}

TEST_F(GzipFiles, LimitsConcurrentCompressions) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  files = std::make_unique<files::Server>(files::Bounds{.cached_file = 1000, .gzip_streams = 2});
  world.put_file("/www/a.txt", string(5000, 'x'), kChanged);
  const files::Answer first = ask("/a.txt", accept);
  {
    const files::Answer second = ask("/a.txt", accept);
    EXPECT_EQ(field(second, "Content-Encoding"), "gzip");
    const files::Answer third = ask("/a.txt", accept);
    EXPECT_EQ(field(third, "Content-Encoding"), "-");
    EXPECT_EQ(drain(third.source.get()), string(5000, 'x'));
  }
  EXPECT_EQ(field(ask("/a.txt", accept), "Content-Encoding"), "gzip");
}

TEST_F(GzipFiles, AFileThatShrinksTruncatesTheResponse) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  world.put_file("/www/a.txt", string(300'000, 'x'), kChanged);
  const files::Answer answer = ask("/a.txt", accept);
  world.tree["/www/a.txt"]->text.resize(200'000);
  EXPECT_NE(drain(answer.source.get()).find("(failed)"), string::npos);
}

TEST_F(GzipFiles, OneCallDoesNotReadTheWholeFile) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  world.put_file("/www/a.txt", string(4'000'000, 'x'), kChanged);
  const files::Answer answer = ask("/a.txt", accept);
  std::vector<std::byte> room(16'384);  // all of it would fit
  for (int i = 0; i < 4; ++i) {         // the first call produces the gzip header in any case
    const auto read = world.files_read;
    const auto got = answer.source->produce(room);
    EXPECT_EQ(got.got, base::BodySource::Got::some);
    EXPECT_GT(got.bytes, 0U);
    EXPECT_LT(world.files_read, read + 30) << "of 16 KiB each";
  }
}

// ---- other -----------------------------------------------------------------------------------------------

TEST_F(FilesTest, TheFileOfAListener) {
  world.put_file("/www/sub/a.txt", "hello");
  world.put_node("/www/out", Kind::link, "../etc", kChanged);
  world.put_file("/etc/x", "x");
  Reason why = Reason::none;
  const auto source = files::open_whole_file("/www", "/sub/a.txt", why);
  EXPECT_EQ(drain(source.get()), "hello");
  EXPECT_EQ(files::open_whole_file("/www", "out/x", why), nullptr);
  EXPECT_EQ(why, Reason::file_forbidden);
  EXPECT_EQ(files::open_whole_file("/www", "../etc/x", why), nullptr);
  EXPECT_EQ(why, Reason::file_forbidden);
  EXPECT_EQ(files::open_whole_file("/www", "nothing", why), nullptr);
  EXPECT_EQ(why, Reason::file_not_found);
  EXPECT_EQ(files::open_whole_file("/www", "sub", why), nullptr);
  EXPECT_EQ(files::open_whole_file("/nowhere", "sub", why), nullptr);
}

// As many zeros as `left`.
class Zeros final : public base::BodySource {
 public:
  explicit Zeros(std::size_t length) noexcept : left(length) {}
  Produced produce(std::span<std::byte> room) noexcept override {
    const std::size_t count = std::min(room.size(), left);
    std::fill_n(room.begin(), count, std::byte{});
    left -= count;
    return {count == 0 ? Got::end : Got::some, count};
  }
  std::size_t left;
};

// Zeros shrink to a thousandth: the budget of a turn must see the input, not the output.
TEST(Files, WhatIsCompressedCountsAsWork) {
  if (!files::has_gzip()) GTEST_SKIP() << "built without zlib";
  constexpr std::size_t kLength = std::size_t{10} << 20;
  std::unique_ptr<base::BodySource> zeros = std::make_unique<Zeros>(kLength);
  const auto gzip = files::make_gzip(zeros, 6, nullptr);
  std::array<std::byte, 16'384> room;
  std::uint64_t work = 0;
  while (gzip->produce(room).got == base::BodySource::Got::some) {
    EXPECT_LE(gzip->work(), work + std::size_t{144} * 1024 / base::Work::kGzipBytes);
    work = gzip->work();
  }
  EXPECT_GE(work, kLength / base::Work::kGzipBytes);
}

}  // namespace
