// Listings of large directories: each is made once for all its clients, in bounded steps, within bounded
// memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../src/base/budget.hpp"
#include "../../src/files/listing_source.hpp"
#include "bench.hpp"

namespace {

using files::FolderRows;
using files::ListedFolder;
using files::ListingOrder;
using files::Listings;
using std::string;
using Got = base::BodySource::Got;
using Kind = sys::FileStatus::Kind;
using Source = std::unique_ptr<base::BodySource>;

constexpr std::size_t kBytesEach = std::size_t{1} << 20;

class ListingsTest : public testing::Test {
 protected:
  ListingsTest() : world(chooser, bench::kind()) {
    world.enter();
    world.put_node("/www", Kind::directory, "", 1);
    root = std::make_shared<const sys::Fd>(sys::open_directory("/www").fd);
  }
  ~ListingsTest() override {
    listings.clear();
    root.reset();
    EXPECT_EQ(world.descriptors(), 0U) << "all descriptors are closed";
    EXPECT_EQ(world.broken, "");
    world.leave();
  }

  // A directory with the files f10000, f10001, ... of different sizes.
  void fill(const string& folder, int names) {
    for (int i = 0; i < names; ++i)
      world.put_file("/www/" + folder + "/f" + std::to_string(10'000 + i),
                     string(static_cast<std::size_t>(i % 7), 'x'));
  }
  [[nodiscard]] ListedFolder listed(const string& name, ListingOrder order = {}) const {
    return {.root = root, .root_id = 1, .name = name, .dotfiles = false, .order = order};
  }
  Source source(const string& name, ListingOrder order = {}) {
    return make_listing_source(listings, listed(name, order), world.now());
  }
  // Reads some of the body. Returns false at its end.
  static bool read(base::BodySource& from, string& out, std::size_t room = 4096) {
    std::vector<std::byte> bytes(room);
    const auto made = from.produce(bytes);
    if (made.got == Got::failed) out += "(failed)";
    out.append(reinterpret_cast<const char*>(bytes.data()), made.bytes);
    return made.got == Got::some || made.got == Got::none;
  }
  static string read_all(base::BodySource& from) {
    string out;
    while (read(from, out)) {
    }
    return out;
  }
  static string read_all(const Source& from) { return read_all(*from); }
  // The names in the page's rows, in order.
  static std::vector<string> names(const string& page) {
    std::vector<string> all;
    for (std::size_t at = page.find("href=\"f"); at != string::npos; at = page.find("href=\"f", at + 1))
      all.push_back(page.substr(at + 6, 6));
    return all;
  }

  bench::First chooser;
  sim::World world;
  std::shared_ptr<const sys::Fd> root;
  Listings listings{kBytesEach};
};

TEST_F(ListingsTest, AllNamesInEachOrder) {
  fill("big", 3000);
  using Column = ListingOrder::Column;
  for (const Column column : {Column::name, Column::size})
    for (const bool descending : {false, true}) {
      const string page = read_all(source("big", {column, descending}));
      const std::vector<string> found = names(page);
      EXPECT_EQ(found.size(), 3000U);
      EXPECT_EQ((std::set<string>{found.begin(), found.end()}.size()), 3000U) << "each once";
      EXPECT_EQ(std::is_sorted(found.begin(), found.end()), column == Column::name && !descending);
      EXPECT_EQ(std::is_sorted(found.rbegin(), found.rend()), column == Column::name && descending);
      EXPECT_EQ(page.find(">6 B<") > page.rfind(">5 B<"), column == Column::size && !descending);
      EXPECT_TRUE(page.ends_with("</html>\n"));
    }
}

TEST_F(ListingsTest, ACallDoesABoundedPieceOfWork) {
  fill("big", 5000);
  for (int i = 0; i < 1000; ++i) world.put_node("/www/big/link" + std::to_string(i), Kind::link, "f10000", 1);
  const Source from = source("big");
  std::uint64_t work = 0;
  std::size_t calls = 0;
  for (string out; read(*from, out); ++calls) {
    EXPECT_LE(from->work() - work, 1000U);
    work = from->work();
  }
  EXPECT_GT(calls, 100U);
  EXPECT_GE(work, 6000 * (base::Work::kNameRead + base::Work::kNameSorted + base::Work::kNameWritten));
}

TEST_F(ListingsTest, OneIsSharedByAllItsClients) {
  fill("big", 3000);
  std::vector<Source> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(source("big"));
  std::vector<string> pages(clients.size());
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < clients.size(); ++i) more |= read(*clients[i], pages[i]);
  }
  for (const string& page : pages) EXPECT_EQ(names(page).size(), 3000U);
  EXPECT_EQ(world.names_listed, 3000U) << "read once";
}

TEST_F(ListingsTest, AClientDoesNotGetAnOldOne) {
  fill("sub", 1);
  read_all(source("sub"));
  fill("sub", 2);
  EXPECT_EQ(names(read_all(source("sub"))).size(), 1U) << "of the same second";
  // The clock of the world stands still: one that asks a second later.
  EXPECT_EQ(
      names(read_all(make_listing_source(listings, listed("sub"), world.now() + Listings::kTrustMs))).size(),
      2U);
}

TEST_F(ListingsTest, AClientThatDoesNotReadHoldsNoRows) {
  fill("big", 2000);
  const Source slow = source("big");
  string page;
  while (names(page).size() < 100) read(*slow, page);
  EXPECT_GE(listings.bytes(), 2000U * 30);
  EXPECT_EQ(listings.next_deadline(), world.now() + Listings::kTrustMs);
  listings.expire(world.now() + Listings::kTrustMs - 1);
  EXPECT_GT(listings.bytes(), 0U);
  listings.expire(world.now() + Listings::kTrustMs);
  EXPECT_EQ(listings.bytes(), 0U);
  EXPECT_EQ(listings.next_deadline(), 0U);
  // Meanwhile a file before the client's place was added, and one after it removed.
  world.put_file("/www/big/f09999", "");
  world.tree.erase("/www/big/f11999");
  while (read(*slow, page)) {
  }
  const std::vector<string> found = names(page);
  EXPECT_EQ(found.size(), 1999U);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ((std::set<string>{found.begin(), found.end()}.size()), found.size());
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

TEST_F(ListingsTest, ManyDirectoriesTakeBoundedMemory) {
  constexpr std::size_t kFolders = 100;
  std::vector<Source> clients;
  for (std::size_t i = 0; i < kFolders; ++i) {
    fill("d" + std::to_string(i), 200);
    clients.push_back(source("d" + std::to_string(i)));
  }
  std::vector<string> pages(kFolders);
  std::size_t most = 0;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < kFolders; ++i) {
      more |= read(*clients[i], pages[i]);
      most = std::max(most, listings.bytes());
      EXPECT_LE(world.open_nodes(), 1 + Listings::kUnfinishedMax) << "the root, and those being read";
    }
  }
  for (const string& page : pages)
    EXPECT_EQ(names(page).size(), 200U) << "although they are dropped meanwhile";
  EXPECT_LE(most, (Listings::kMost + Listings::kUnfinishedMax) * 200 * 30);
}

TEST_F(ListingsTest, NoRowsOfAnUnreadableDirectory) {
  fill("sub", 1);
  const Source before = source("sub");
  world.tree["/www/sub"]->status.world_readable = false;
  EXPECT_TRUE(read_all(before).ends_with("(failed)"));
  EXPECT_TRUE(read_all(source("nowhere")).ends_with("(failed)"));
  EXPECT_EQ(listings.bytes(), 0U);
}

TEST_F(ListingsTest, OneThatFitsNotIsCutVisibly) {
  fill("big", 3000);
  Listings small{1000 * (24 + 6)};
  const Source from = make_listing_source(small, listed("big"), world.now());
  const string page = read_all(from);
  EXPECT_EQ(names(page).size(), 1000U);
  EXPECT_NE(page.find("only 1000 entries"), string::npos);
}

}  // namespace
