// The parts of a file server, each against its RFC: paths, dates, ranges, conditions, encodings, types,
// listings.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "../../src/files/conditions.hpp"
#include "../../src/files/encodings.hpp"
#include "../../src/files/listing.hpp"
#include "../../src/files/media_types.hpp"
#include "../../src/files/ranges.hpp"
#include "../../src/http/date.hpp"
#include "../../src/http/url_path.hpp"

namespace {

using files::ByteRange;
using files::Condition;
using files::Ranges;
using std::string;
using std::string_view;

// ---- paths (RFC 3986) ------------------------------------------------------------------------------------

TEST(UrlPath, IsDecodedOnceAndNormalized) {
  struct Row {
    string_view path, normal, with_slash_as_text;
  };
  const Row rows[] = {
      {"/", "/", "/"},
      {"/a/b.txt", "/a/b.txt", "/a/b.txt"},
      {"//a///b/", "/a/b/", "/a/b/"},
      {"/a/./b/../c", "/a/c", "/a/c"},
      {"/a/b/..", "/a/", "/a/"},
      {"/a/.", "/a/", "/a/"},
      {"/%61%2e", "/a.", "/a."},
      {"/a%20b", "/a b", "/a b"},
      {"/%252e%252e/x", "/%2e%2e/x", "/%2e%2e/x"},
      {"/a/%2e%2e/b", "/b", "/b"},
      {"/...", "/...", "/..."},
      {"/a%2Fb", "/a/b", "/a%2Fb"},
      {"/a/x%2f../b", "/a/b", "/a/x%2f../b"},
      {"/%2e%2e%2fx", "?", "/..%2fx"},
      {"/..", "?", "?"},
      {"/a/../../b", "?", "?"},
      {"/%2E%2e/b", "?", "?"},
      {"/a%00b", "?", "?"},
      {"/a%2", "?", "?"},
      {"/a%", "?", "?"},
      {"/a%zz", "?", "?"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(http::normal_path(row.path).value_or("?"), row.normal) << row.path;
    EXPECT_EQ(http::normal_path(row.path, {http::PathReading::slash_text}).value_or("?"),
              row.with_slash_as_text)
        << row.path;
  }
  EXPECT_FALSE(http::normal_path(string_view{"/a\0%20b", 7}));
}

TEST(UrlPath, Readings) {
  using Reading = http::PathReading;
  struct Row {
    std::uint8_t bits;
    string_view path, normal;
  };
  const Row rows[] = {
      {Reading::dot_text, "/a/%2e%2E/b", "/a/%2e%2E/b"},
      {Reading::dot_text, "/a/%2e/../b", "/a/b"},
      {Reading::decoded_twice, "/a/%252e%252e/b", "/b"},
      {Reading::decoded_twice, "/%2561%25", "/a%"},
      {Reading::decoded_twice, "/a%252fb", "/a/b"},
      {Reading::decoded_twice, "/a%2500", "?"},
      {Reading::backslash, R"(/a\..\b)", "/b"},
      {Reading::backslash, "/a%5c..%5Cb", "/b"},
      {Reading::backslash | Reading::decoded_twice, "/a%255c..%255cb", "/b"},
      {Reading::no_parameters, "/a;x=1/b;y", "/a/b"},
      {Reading::no_parameters, "/a/..;/b", "/b"},
      {Reading::no_parameters, "/a/..;x/.;/;/b%3bz", "/b"},
      {Reading::no_parameters, "/..;/b", "?"},
      {Reading::no_parameters | Reading::decoded_twice, "/a%253bz", "/a"},
      {Reading::empty_segments, "//a//b/", "//a//b/"},
      {Reading::empty_segments, "/a//../b", "/a/b"},
      {Reading::overlong, "/a/%c0%ae%C0%AE/b", "/b"},
      {Reading::overlong, "/a%c0%af..%e0%80%afb", "/b"},
      {Reading::overlong, "/a/\xc0\xae\xf0\x80\x80\xae/b", "/b"},
      {Reading::overlong, "/%c1%a1%f8%80%80%81%a2%fc%80%80%80%81%a3", "/abc"},
      {Reading::overlong, "/a%c0%80", "?"},
      {Reading::overlong | Reading::backslash, "/a%c1%9c..%c1%9cb", "/b"},
      {Reading::overlong | Reading::no_parameters, "/a/..%c0%bb/b", "/b"},
      {Reading::overlong | Reading::decoded_twice, "/a/%25c0%25ae%25c0%25ae/b", "/b"},
      {Reading::usual, R"(/a\..\b;c)", R"(/a\..\b;c)"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(http::normal_path(row.path, {row.bits}).value_or("?"), row.normal) << row.path;
    EXPECT_EQ(http::differences(row.path).bits & row.bits, row.bits) << row.path;
  }
  for (const string_view path :
       {"/", "/a/b.txt", "/a/../b", "/%20%7e", "/%C3%A9%E2%82%AC%F0%9F%98%80", "/%c0", "/%e0%80"})
    EXPECT_EQ(http::differences(path).bits, 0U) << path;
}

TEST(Url, WithoutUserinfo) {
  struct Row {
    string_view url, shown;
  };
  for (const Row& row : {Row{"http://joe:pw@h:80/a?b@c", "http://h:80/a?b@c"},
                         {"HTTP://joe@h", "HTTP://h"},
                         {"https://joe:p@w@h/", "https://h/"},
                         {"ftp://joe:pw@", "ftp://"},
                         {"http://joe:pw@h?x", "http://h?x"},
                         {"http://joe:pw@h#x", "http://h#x"},
                         {"http://h/a@b", "http://h/a@b"},
                         {"/a?u=http://joe:pw@h/", "/a?u=http://joe:pw@h/"},
                         {"h:443", "h:443"},
                         {"*", "*"},
                         {"", ""}}) {
    const http::PublicUrl shown = http::without_userinfo(row.url);
    EXPECT_EQ(string{shown.before}.append(shown.after), row.shown) << row.url;
  }
}

TEST(UrlPath, IsEncoded) {
  EXPECT_EQ(http::percent_encoded("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(http::percent_encoded("a b/c:d?e#f%\xff\"<"), "a%20b%2Fc%3Ad%3Fe%23f%25%FF%22%3C");
  EXPECT_EQ(http::percent_encoded("a/b c", "/"), "a/b%20c");
}

// ---- dates (RFC 9110 section 5.6.7) ----------------------------------------------------------------------

constexpr std::int64_t kNow = 1'700'000'000;    // November 2023
constexpr std::int64_t kExample = 784'111'777;  // date -d "Sun, 06 Nov 1994 08:49:37 GMT" +%s

TEST(HttpDate, ParsesAllThreeForms) {
  for (const string_view text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(http::parse_date(text, kNow), kExample) << text;
  EXPECT_EQ(http::parse_date("Thu, 01 Jan 1970 00:00:00 GMT", kNow), 0);
  EXPECT_EQ(http::parse_date("Thu, 29 Feb 2024 23:59:59 GMT", kNow), 1'709'251'199);
}

TEST(HttpDate, TwoDigitYearsAreAtMostFiftyYearsAhead) {
  const auto year_of = [](string_view text) { return *http::parse_date(text, kNow) / 31'556'952 + 1970; };
  EXPECT_EQ(year_of("Sunday, 06-Nov-73 08:49:37 GMT"), 2073);
  EXPECT_EQ(year_of("Sunday, 06-Nov-74 08:49:37 GMT"), 1974);
  EXPECT_EQ(year_of("Sunday, 06-Nov-23 08:49:37 GMT"), 2023);
}

TEST(HttpDate, RejectsOtherForms) {
  for (const string_view text :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Xxx, 06 Nov 1994 08:49:37 GMT",
        "784111777"})
    EXPECT_FALSE(http::parse_date(text, kNow)) << text;
}

// ---- ranges (RFC 9110 section 14.1.2, with its examples for 10000 bytes) --------------------------------

TEST(Range, SatisfiableRanges) {
  struct Row {
    string_view value;
    std::vector<ByteRange> parts;
  };
  const Row rows[] = {
      {"bytes=0-499", {{0, 500}}},
      {"bytes=500-999", {{500, 500}}},
      {"bytes=-500", {{9500, 500}}},
      {"bytes=9500-", {{9500, 500}}},
      {"bytes=0-0,-1", {{0, 1}, {9999, 1}}},
      {"bytes= 0-999, 4500-5499, -1000", {{0, 1000}, {4500, 1000}, {9000, 1000}}},
      {"bytes=500-600,601-999", {{500, 500}}},
      {"bytes=500-700,601-999", {{500, 500}}},
      {"Bytes=0-0", {{0, 1}}},
      {"bytes=9000-20000", {{9000, 1000}}},
      {"bytes=0-99999999999999999999999", {{0, 10000}}},
      {"bytes=-20000", {{0, 10000}}},
      {"bytes=-1,0-0", {{9999, 1}, {0, 1}}},
      {"bytes=0-0,10000-", {{0, 1}}},
      {"bytes=0-1,1-2,8-9,3-3", {{0, 4}, {8, 2}}},
  };
  for (const Row& row : rows) {
    const Ranges ranges = files::parse_ranges(row.value, 10000);
    EXPECT_EQ(ranges.what, Ranges::What::parts) << row.value;
    EXPECT_EQ(ranges.parts, row.parts) << row.value;
  }
}

TEST(Range, IgnoredValues) {
  for (const string_view value :
       {"", "bytes", "bytes=", "bytes=,", "lines=1-2", "bytes=5-4", "bytes=a-b", "bytes=-", "bytes=1",
        "bytes=0-1,x", "bytes=1-2-3", "bytes=+1-2", "bytes 0-1", "bytes=1 -2"})
    EXPECT_EQ(files::parse_ranges(value, 10000).what, Ranges::What::whole) << value;
  EXPECT_EQ(files::parse_ranges("bytes=-5", 0).what, Ranges::What::whole);
}

TEST(Range, UnsatisfiableRanges) {
  for (const string_view value :
       {"bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999999999999999999999-"})
    EXPECT_EQ(files::parse_ranges(value, 10000).what, Ranges::What::outside) << value;
  EXPECT_EQ(files::parse_ranges("bytes=0-0", 0).what, Ranges::What::outside);
}

TEST(Range, LimitsTheNumberOfParts) {
  string value = "bytes=";
  for (int i = 0; i < 16; ++i) value += std::to_string(i * 10) + '-' + std::to_string(i * 10) + ',';
  EXPECT_EQ(files::parse_ranges(value, 10000).parts.size(), 16U);
  EXPECT_EQ(files::parse_ranges(value + "9000-9000", 10000).what, Ranges::What::whole);
  for (int i = 0; i < 1000; ++i) value += "0-,";
  EXPECT_EQ(files::parse_ranges(value, 10000).parts.size(), 1U) << "all of them touch";
}

// ---- conditions (RFC 9110 section 13) --------------------------------------------------------------------

http::Fields fields(const std::vector<http::Field>& list) {
  http::Fields all;
  for (const http::Field& field : list) all.add(field);
  return all;
}

constexpr string_view kTag = R"("xyzzy")";
constexpr string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT", kThen = "Sun, 06 Nov 1994 08:49:37 GMT",
                      kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr files::Validators kCurrent{kTag, kExample};

TEST(Conditions, EachAlone) {
  struct Row {
    string_view name, value;
    Condition verdict;
  };
  const Row rows[] = {
      {"If-Match", R"("xyzzy")", Condition::holds},
      {"if-match", R"("a,b", "xyzzy")", Condition::holds},
      {"If-Match", "*", Condition::holds},
      {"If-Match", R"("other")", Condition::failed},
      {"If-Match", R"(W/"xyzzy")", Condition::failed},  // strong comparison
      {"If-Match", "xyzzy", Condition::failed},
      {"If-None-Match", R"("xyzzy")", Condition::not_modified},
      {"If-None-Match", R"(W/"xyzzy")", Condition::not_modified},  // weak comparison
      {"If-None-Match", R"("r2d2xxxx", "c3piozzzz" , ,"xyzzy")", Condition::not_modified},
      {"If-None-Match", "*", Condition::not_modified},
      {"If-None-Match", R"("other")", Condition::holds},
      {"If-None-Match", R"("other, "xyzzy)", Condition::holds},
      {"If-Modified-Since", kBefore, Condition::holds},
      {"If-Modified-Since", kThen, Condition::not_modified},
      {"If-Modified-Since", kAfter, Condition::not_modified},
      {"If-Modified-Since", "Sun Nov  6 08:49:37 1994", Condition::not_modified},
      {"If-Modified-Since", "never", Condition::holds},
      {"If-Unmodified-Since", kBefore, Condition::failed},
      {"If-Unmodified-Since", kThen, Condition::holds},
      {"If-Unmodified-Since", "never", Condition::holds},
  };
  for (const Row& row : rows)
    EXPECT_EQ(files::evaluate(fields({{row.name, row.value}}), kCurrent, kNow), row.verdict)
        << row.name << ": " << row.value;
}

TEST(Conditions, Precedence) {
  struct Row {
    std::vector<http::Field> list;
    Condition verdict;
  };
  const Row rows[] = {
      {{{"If-Match", kTag}, {"If-Unmodified-Since", kBefore}}, Condition::holds},
      {{{"If-Match", "\"a\""}, {"If-None-Match", kTag}}, Condition::failed},
      {{{"If-Match", kTag}, {"If-None-Match", kTag}}, Condition::not_modified},
      {{{"If-Unmodified-Since", kBefore}, {"If-None-Match", kTag}}, Condition::failed},
      {{{"If-None-Match", "\"a\""}, {"If-Modified-Since", kThen}}, Condition::holds},
      {{{"If-None-Match", "\"a\""}, {"If-None-Match", kTag}}, Condition::not_modified},
      {{{"If-Match", "\"a\""}, {"If-Match", kTag}}, Condition::holds},
      {{{"If-Modified-Since", kThen}, {"If-Modified-Since", kThen}}, Condition::holds},
  };
  for (const Row& row : rows)
    EXPECT_EQ(files::evaluate(fields(row.list), kCurrent, kNow), row.verdict)
        << row.list[0].name << ' ' << row.list[1].name << ": " << row.list[1].value;
}

TEST(Conditions, WithoutValidators) {
  EXPECT_EQ(files::evaluate(fields({{"If-Match", kTag}}), {}, kNow), Condition::failed);
  EXPECT_EQ(files::evaluate(fields({{"If-Match", "*"}}), {}, kNow), Condition::holds);
  EXPECT_EQ(files::evaluate(fields({{"If-Modified-Since", kAfter}}), {}, kNow), Condition::holds);
  EXPECT_EQ(files::evaluate(fields({{"If-None-Match", "\"\""}}), {}, kNow), Condition::holds);
}

TEST(Conditions, IfRange) {
  const auto holds = [](string_view value, std::int64_t now) {
    return files::if_range_holds(fields({{"If-Range", value}}), kCurrent, now);
  };
  EXPECT_TRUE(files::if_range_holds(fields({}), kCurrent, kNow));
  EXPECT_TRUE(holds(kTag, kNow));
  EXPECT_FALSE(holds(R"(W/"xyzzy")", kNow));
  EXPECT_FALSE(holds(R"("other")", kNow));
  EXPECT_FALSE(holds("xyzzy", kNow));
  EXPECT_TRUE(holds(kThen, kNow));
  EXPECT_FALSE(holds(kAfter, kNow)) << "only the exact date";
  EXPECT_FALSE(holds(kBefore, kNow));
  EXPECT_FALSE(holds(kThen, kExample)) << "it may still change within this second";
}

// ---- encodings (RFC 9110 section 12.5.3) -----------------------------------------------------------------

TEST(AcceptEncoding, Weights) {
  struct Row {
    string_view value;
    bool accepts;
  };
  const Row rows[] = {
      {"gzip", true},
      {"deflate, GZIP", true},
      {"x-gzip", true},
      {"compress, gzip", true},
      {"", false},
      {"*", true},
      {"compress;q=0.5, gzip;q=1.0", true},
      {"gzip;q=1.0, identity; q=0.5, *;q=0", true},
      {"gzip;q=0", false},
      {"gzip;q=0.000", false},
      {"gzip ; q=0.001", true},
      {"*;q=0", false},
      {"gzip;q=0, *", false},
      {"identity", false},
      {"gzip;q=0.4, identity;q=0.5", false},
      {"br", false},
      {"gzipped", false},
      {"gzip;q=2", false},
      {"gzip;q=x", false},
      {"gzip;level=9", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(files::accepts_gzip(fields({{"Accept-Encoding", row.value}})), row.accepts) << row.value;
  EXPECT_FALSE(files::accepts_gzip(fields({})));
  EXPECT_TRUE(files::accepts_gzip(fields({{"accept-encoding", "br"}, {"Accept-Encoding", "gzip"}})));
}

TEST(AcceptEncoding, CompressibleTypes) {
  EXPECT_TRUE(files::is_compressible("text/x-anything; charset=utf-8", {}));
  EXPECT_TRUE(files::is_compressible("image/svg+xml", {}));
  EXPECT_FALSE(files::is_compressible("image/png", {}));
  EXPECT_FALSE(files::is_compressible("application/gzip", {}));
  EXPECT_TRUE(files::is_compressible("Image/PNG", {"text/html", "image/*"}));
  EXPECT_TRUE(files::is_compressible("text/css", {"image/*"})) << "besides the text formats";
  EXPECT_FALSE(files::is_compressible("font/ttf", {"image/*", "font/tt"}));
}

// ---- media types -----------------------------------------------------------------------------------------

TEST(MediaTypes, WithoutAList) {
  const files::MediaTypes types;
  EXPECT_EQ(types.of("index.html"), "text/html");
  EXPECT_EQ(types.of("a/b.c/INDEX.HTM"), "text/html");
  EXPECT_EQ(types.of("a.css"), "text/css");
  EXPECT_EQ(types.of("a.txt"), "text/plain");
  EXPECT_EQ(types.of("a.js"), "text/javascript") << "UTF-8 is its default";
  EXPECT_EQ(types.of("a.json"), "application/json") << "has no charset parameter";
  EXPECT_EQ(types.of("a.svg"), "image/svg+xml");
  EXPECT_EQ(types.of("a.tar.gz"), "application/gzip");
  for (const string_view name : {"Makefile", "a.unknown", ".html", "html", "dir.html/file", "a.", ""})
    EXPECT_EQ(types.of(name), "application/octet-stream") << name;
}

TEST(MediaTypes, FromAList) {
  const files::MediaTypes types{
      "# a comment\n"
      "text/html\t\thtml htm # and one here\n"
      "application/x-compressed-tar tar.gz\n"
      "text/vnd.none\n"
      "not a type\r\n"
      "text/xml  own\n"
      "text/first twice\ntext/second twice"};
  EXPECT_EQ(types.of("a.tar.GZ"), "application/x-compressed-tar") << "the longest suffix";
  EXPECT_EQ(types.of("a.b.tar.gz"), "application/x-compressed-tar");
  EXPECT_EQ(types.of("a.gz"), "application/gzip") << "the built-in types remain";
  EXPECT_EQ(types.of("a.own"), "text/xml");
  EXPECT_EQ(types.of("a.twice"), "text/first");
  EXPECT_EQ(types.of("a.type"), "application/octet-stream");
}

// ---- listings --------------------------------------------------------------------------------------------

// The texts of the links in the page's rows, in order.
std::vector<string> names(const string& page) {
  constexpr string_view kBegin = "<tr><td><a href=\"";
  std::vector<string> all;
  for (std::size_t at = page.find(kBegin); at != string::npos; at = page.find(kBegin, at + 1))
    all.push_back(page.substr(at + kBegin.size(), page.find('"', at + kBegin.size()) - at - kBegin.size()));
  return all;
}

// The page of these entries.
string page_of(std::vector<files::ListingRow> rows, string_view query, string_view path = "/") {
  const files::ListingOrder order = files::read_listing_order(query);
  std::sort(rows.begin(), rows.end(), [order](const files::ListingRow& a, const files::ListingRow& b) {
    return files::comes_before(a, b, order);
  });
  string page = files::listing_begin(path, path != "/", order);
  for (const files::ListingRow& row : rows) files::put_listing_row(page, row);
  return page += files::listing_end(path != "/", rows.size());
}

string sample(string_view query) {
  return page_of({{"b", false, 30, 100},
                  {"a", false, 20, 300},
                  {"d", true, 0, 50},
                  {"c", true, 0, 60},
                  {"e", false, 10, 200}},
                 query);
}

TEST(Listing, IsSortedWithDirectoriesFirst) {
  using Names = std::vector<string>;
  EXPECT_EQ(names(sample("")), (Names{"c/", "d/", "a", "b", "e"}));
  EXPECT_EQ(names(sample("sort=name&order=desc")), (Names{"d/", "c/", "e", "b", "a"}));
  EXPECT_EQ(names(sample("sort=size&order=asc")), (Names{"c/", "d/", "e", "a", "b"}));
  EXPECT_EQ(names(sample("order=desc&sort=size")), (Names{"d/", "c/", "b", "a", "e"}));
  EXPECT_EQ(names(sample("sort=time")), (Names{"d/", "c/", "b", "e", "a"}));
  EXPECT_EQ(names(sample("sort=colour&order=up&x")), (Names{"c/", "d/", "a", "b", "e"}));
}

TEST(Listing, ItsHeaderLinksReverseTheOrder) {
  const string page = sample("sort=size&order=asc");
  EXPECT_NE(page.find(R"(<a href="?sort=size&amp;order=desc">Size)"), string::npos);
  EXPECT_NE(page.find(R"(<a href="?sort=time&amp;order=asc">Modified)"), string::npos);
}

TEST(Listing, NamesAreEscaped) {
  const string page = page_of({{"<script>\"'&.txt", false, 1, 0},
                               {"a:b?c#d %41", false, 1536, 1'709'210'096},
                               {"\xff\xc3\xa4\n\xed\xa0\x80", true, 0, 0}},
                              "", "/<b>&/");
  EXPECT_NE(page.find("<title>Index of /&lt;b&gt;&amp;/</title>"), string::npos);
  EXPECT_NE(page.find("&lt;script&gt;&quot;&#39;&amp;.txt</a>"), string::npos);
  EXPECT_EQ(page.find("<script"), string::npos);
  EXPECT_NE(page.find(R"(href="a%3Ab%3Fc%23d%20%2541">a:b?c#d %41</a>)"), string::npos);
  EXPECT_NE(page.find("1.5 KiB</td><td>2024-02-29 12:34:56</td>"), string::npos);
  // U+FFFD for each byte that is not a valid character
  EXPECT_NE(page.find(">\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd/</a>"),
            string::npos);
  EXPECT_EQ(names(page)[0], "../");
  EXPECT_NE(page.find("only 3 entries"), string::npos);
  EXPECT_EQ(page.find("http"), string::npos) << "no remote resources";
}

}  // namespace
