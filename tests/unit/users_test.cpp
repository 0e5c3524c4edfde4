// Names and passwords: the file, the field, and the cache of verified passwords.
#include "../../src/plan/users.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../../src/config/users_text.hpp"
#include "../../src/http/basic_auth.hpp"
#include "../../src/plan/hash_kinds.hpp"

namespace {

using plan::LoginResult;
using plan::Users;
using std::string;
using What = LoginResult::What;

constexpr base::SipKey kKey{0x1234, 0x5678};
constexpr http::FieldName kField = http::FieldName::proxy_authorization;

// "$f$PASSWORD" is the hash of a password, with "." for ":", which no hash contains. Other prefixes are
// unknown.
class FakeHasher final : public plan::Hasher {
 public:
  [[nodiscard]] bool knows(const char* setting) const noexcept override {
    return std::string_view{setting}.starts_with("$f$") || std::string_view{setting}.starts_with("$6$") ||
           std::string_view{setting}.size() == 13;
  }
  // "$f$PASSWORD" costs 1000 us, and 1000 more for each "!" in it.
  plan::HashCost cost(const char* setting) noexcept override {
    const std::string_view hash{setting};
    if (hash.find('?') != hash.npos) return {};
    return {true, 1000 + 1000 * static_cast<std::uint64_t>(std::count(hash.begin(), hash.end(), '!')),
            std::min<std::size_t>(plan::kPasswordBytesMax, 72)};
  }
  std::string_view hash(const char* password, const char* setting) noexcept override {
    asked_.emplace_back(password);
    settings_.emplace_back(setting);
    if (broken) return {};
    made_ = "$f$" + string{password};
    std::replace(made_.begin(), made_.end(), ':', '.');
    return made_;
  }
  [[nodiscard]] const std::vector<string>& asked() const { return asked_; }
  [[nodiscard]] const std::vector<string>& settings() const { return settings_; }

  bool broken = false;

 private:
  std::vector<string> asked_, settings_;
  string made_;
};

string base64(const string& text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k <= text.size() ? alphabet[bits >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

string basic(const string& credentials) { return "Basic " + base64(credentials); }

// Reads a file as the configuration does. Returns the error.
string read(Users& users, plan::Hasher& hasher, const string& text) {
  std::vector<plan::User> list;
  string error = config::parse_users(text, hasher, list);
  if (error.empty()) users.set(std::move(list));
  return error;
}

// The result for the value of a Proxy-Authorization field, with as many hashes as it takes.
LoginResult enter(Users& users, const string& value) {
  http::Fields fields;
  fields.add({"Proxy-Authorization", value});
  LoginResult login = users.login(fields, kField);
  for (unsigned step = 0; login.what == What::pending; ++step) login = users.login(fields, kField, step);
  return login;
}

class WithUsers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(read(users, hasher, "ann:$f$secret\nbob:$f$p.q\ncarl:$f$\n"), ""); }
  What check(const string& value) { return enter(users, value).what; }

  FakeHasher hasher;
  Users users{&hasher, kKey};
};

TEST(Base64, EachLength) {
  struct Row {
    const char *text, *means;
  };
  const Row rows[] = {{"", ""},
                      {"Zg==", "f"},
                      {"Zm8=", "fo"},
                      {"Zm9v", "foo"},
                      {"Zm9vYg==", "foob"},
                      {"Zm9vYmE=", "fooba"},
                      {"Zm9vYmFy", "foobar"},
                      {"+/+/", "\xfb\xff\xbf"}};
  for (const Row& row : rows) {
    std::array<char, 6> into;
    std::size_t length = 99;
    ASSERT_TRUE(http::decode_base64(row.text, into, length)) << row.text;
    EXPECT_EQ(string(into.data(), length), row.means);
    EXPECT_EQ(base64(row.means), row.text);
  }
}

TEST(Base64, EachValueHasOneEncoding) {
  for (const char* text : {"Zg=", "Zg", "Zh==", "Zm9=", "=Zg=", "Z===", "====", "Zm 9", "Zm9v\n", "Zm-_",
                           "Zg==Zg==", "Zm9vZ", "Zm9vYmFyZg=="}) {
    std::array<char, 6> into;
    std::size_t length = 0;
    EXPECT_FALSE(http::decode_base64(text, into, length)) << text;
  }
  std::size_t length = 0;
  EXPECT_FALSE(http::decode_base64(std::string_view{"Zm\0v", 4}, std::span<char>{}, length));
}

TEST(ConstantTime, Equality) {
  EXPECT_TRUE(plan::equal_in_constant_time("", ""));
  EXPECT_TRUE(plan::equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(plan::equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(plan::equal_in_constant_time("xbc", "abc"));
  EXPECT_FALSE(plan::equal_in_constant_time("abc", "abcd"));
  EXPECT_FALSE(plan::equal_in_constant_time("a\x80", "a\x01"));
}

TEST_F(WithUsers, RightAndWrong) {
  const LoginResult login = enter(users, basic("ann:secret"));
  EXPECT_EQ(login.what, What::good);
  EXPECT_EQ(login.user, "ann");
  EXPECT_EQ(check(basic("bob:p:q")), What::good) << "the first colon separates";
  EXPECT_EQ(check(basic("carl:")), What::good) << "an empty password";
  for (const char* credentials : {"ann:secre", "ann:secret ", "ann:", "Ann:secret", "an:secret",
                                  "anna:secret", ":secret", "bob:secret", "dan:secret", ":", "ann:SECRET"}) {
    const LoginResult wrong = enter(users, basic(credentials));
    EXPECT_EQ(wrong.what, What::wrong) << credentials;
    EXPECT_EQ(wrong.user, "") << credentials;
  }
}

TEST_F(WithUsers, TheFieldIsParsedStrictly) {
  const string good = base64("ann:secret");
  EXPECT_EQ(check("basic " + good), What::good) << "the scheme is case-insensitive (RFC 9110 section 11.1)";
  EXPECT_EQ(check("BASIC   " + good), What::good) << "1*SP";
  const std::vector<string> malformed{"",
                                      "Basic",
                                      "Basic ",
                                      "Basic" + good,
                                      "Basic\t" + good,
                                      "Basic: " + good,
                                      "Bearer " + good,
                                      "Digest username=\"ann\"",
                                      "Basic " + good + " ",
                                      "Basic " + good + ", Basic " + good,
                                      "Basic " + good.substr(1),
                                      "Basic =" + good,
                                      basic("ann"),
                                      basic(""),
                                      basic("ann:sec\nret"),
                                      basic("a\tnn:secret"),
                                      basic("ann:secret\x7f"),
                                      basic(string{"ann:secret\0", 11}),
                                      basic(string{"ann:secret\0x", 12})};
  for (const string& value : malformed) EXPECT_EQ(check(value), What::malformed) << value;
  EXPECT_EQ(users.computed(), 1U) << "no hash was computed for malformed fields";
}

TEST_F(WithUsers, LengthsAreLimited) {
  EXPECT_EQ(check(basic("ann:" + string(plan::kCredentialsMax - 4, 'x'))), What::wrong);
  EXPECT_EQ(check(basic("ann:" + string(plan::kCredentialsMax - 3, 'x'))), What::malformed);
  EXPECT_EQ(check("Basic " + string(100'000, 'A')), What::malformed);
}

TEST_F(WithUsers, OneFieldIsRequired) {
  const string value = basic("ann:secret");
  http::Fields fields;
  fields.add({"Authorization", value});
  EXPECT_EQ(users.login(fields, kField).what, What::missing) << "that one is for the server";
  fields.add({"proxy-AUTHORIZATION", value});
  EXPECT_EQ(users.login(fields, kField).what, What::pending);
  EXPECT_EQ(users.login(fields, kField, 0).what, What::good);
  EXPECT_EQ(users.login(fields, kField).user, "ann");
  fields.add({"Proxy-Authorization", value});
  EXPECT_EQ(users.login(fields, kField).what, What::malformed);
}

TEST_F(WithUsers, ACorrectPasswordIsHashedOnce) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(check(basic("ann:secret")), What::good);
  EXPECT_EQ(users.computed(), 1U);
  EXPECT_EQ(enter(users, basic("ann:secret")).user, "ann") << "from the cache";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(check(basic("ann:wrong")), What::wrong);
  EXPECT_EQ(users.computed(), 2U) << "so is a wrong one";
  EXPECT_EQ(check(basic("bob:secret")), What::wrong) << "nor is one user's password another's";
}

TEST_F(WithUsers, AnUnknownNameCostsAHashToo) {
  EXPECT_EQ(check(basic("dave:x")), What::wrong);
  EXPECT_EQ(users.computed(), 1U);
  EXPECT_EQ(hasher.asked().back(), "x");
  EXPECT_EQ(check(basic("dave:secret")), What::wrong)
      << "even with the password whose hash is computed for unknown names";
}

TEST_F(WithUsers, AFailedHashDeniesAccess) {
  hasher.broken = true;
  EXPECT_EQ(check(basic("ann:secret")), What::wrong);
  EXPECT_EQ(check(basic("carl:")), What::wrong);
}

TEST_F(WithUsers, ReloadingAFileClearsTheCache) {
  EXPECT_EQ(check(basic("ann:secret")), What::good);
  ASSERT_EQ(read(users, hasher, "ann:$f$changed\n"), "");
  EXPECT_EQ(users.size(), 1U);
  EXPECT_EQ(check(basic("ann:secret")), What::wrong);
  EXPECT_EQ(check(basic("ann:changed")), What::good);
}

TEST_F(WithUsers, AnInvalidFileChangesNothing) {
  EXPECT_EQ(check(basic("ann:secret")), What::good);
  EXPECT_NE(read(users, hasher, "ann:$f$changed\nbob\n"), "");
  EXPECT_EQ(users.size(), 3U);
  EXPECT_EQ(check(basic("ann:secret")), What::good);
  EXPECT_EQ(users.computed(), 1U);
}

TEST(Users, EachUserIsRememberedHoweverManyThereAre) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  string file;
  const auto name = [](std::size_t i) { return "u" + std::to_string(i); };
  constexpr std::size_t kMany = 1000;
  for (std::size_t i = 0; i < kMany; ++i) file += name(i) + ":$f$" + name(i) + "\n";
  ASSERT_EQ(read(users, hasher, file), "");
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < kMany; ++i)
      EXPECT_EQ(enter(users, basic(name(i) + ":" + name(i))).user, name(i));
  EXPECT_EQ(users.computed(), kMany) << "one hash for each";
}

TEST_F(WithUsers, OnlySoManyWrongOnesAreRemembered) {
  const auto guess = [&](std::size_t i) { return check(basic("ann:guess" + std::to_string(i))); };
  for (std::size_t i = 0; i <= plan::kWrongMax; ++i) guess(i);
  EXPECT_EQ(users.computed(), plan::kWrongMax + 1);
  guess(1);
  EXPECT_EQ(users.computed(), plan::kWrongMax + 1) << "remembered";
  guess(0);
  EXPECT_EQ(users.computed(), plan::kWrongMax + 2) << "replaced by the last one";
}

// bcrypt reads 72 bytes: what follows them would be ignored.
TEST_F(WithUsers, APasswordThatTheHashDoesNotReadWhollyIsWrong) {
  const string longest(72, 'x');
  ASSERT_EQ(read(users, hasher, "ann:$f$" + longest + "\nbob:$f$\n"), "");
  EXPECT_EQ(check(basic("ann:" + longest)), What::good);
  EXPECT_EQ(check(basic("ann:" + longest + "y")), What::wrong);
  EXPECT_EQ(users.computed(), 2U) << "at the same cost";
  EXPECT_EQ(check(basic("bob:" + longest + "y")), What::wrong) << "not even for an empty password";
}

// Tries a wrong password, and returns what its hashes have cost.
std::uint64_t cost_of_a_wrong_password(Users& users, const string& name) {
  http::Fields fields;
  const string value = basic(name + ":wrong");
  fields.add({"Proxy-Authorization", value});
  std::uint64_t cost = 0;
  LoginResult login = users.login(fields, kField);
  for (unsigned step = 0; login.what == What::pending; ++step, cost += users.last_cost())
    login = users.login(fields, kField, step);
  EXPECT_EQ(login.what, What::wrong) << name;
  return cost;
}

// All wrong passwords cost the same, for each name.
TEST(Users, WrongPasswordsCostTheSameForEachName) {
  FakeHasher hasher;
  for (const char* name : {"cheap", "costly", "unknown"}) {
    Users users{&hasher, kKey};
    ASSERT_EQ(read(users, hasher, "cheap:$f$a\ncostly:$f$!!!!!\n"), "");
    EXPECT_EQ(cost_of_a_wrong_password(users, name), 1000U + 6000U) << name;
    EXPECT_EQ(users.computed(), 2U) << name;
  }
  Users alike{&hasher, kKey};
  ASSERT_EQ(read(alike, hasher, "ann:$f$a\nbob:$f$b\n"), "");
  EXPECT_EQ(enter(alike, basic("unknown:x")).what, What::wrong);
  EXPECT_EQ(alike.computed(), 1U) << "one is enough if all cost the same";
}

// With more than two costs, the cost of an unknown name is that of some user.
TEST(Users, AnUnknownNameCostsWhatAUserCosts) {
  FakeHasher hasher;
  const auto cost_of = [&hasher](const string& name) {
    Users users{&hasher, kKey};
    EXPECT_EQ(read(users, hasher, "cheap:$f$a\ncostly:$f$!!!!!\nmiddle:$f$!!\n"), "");
    return cost_of_a_wrong_password(users, name);
  };
  EXPECT_EQ(cost_of("cheap"), 1000U + 6000U);
  EXPECT_EQ(cost_of("costly"), 6000U + 1000U);
  EXPECT_EQ(cost_of("middle"), 3000U + 6000U);
  std::size_t as_middle = 0;
  constexpr std::size_t kNames = 90;
  for (std::size_t i = 0; i < kNames; ++i) {
    const string name = "unknown" + std::to_string(i);
    const std::uint64_t cost = cost_of(name);
    EXPECT_TRUE(cost == 7000U || cost == 9000U) << cost;
    EXPECT_EQ(cost_of(name), cost) << "a name always costs the same";
    as_middle += cost == 9000U ? 1 : 0;
  }
  EXPECT_GT(as_middle, kNames / 6);
  EXPECT_LT(as_middle, kNames / 2);
}

TEST(Users, AReloadKeepsWhoIsVerified) {
  FakeHasher hasher;
  Users before{&hasher, kKey}, after{&hasher, kKey};
  ASSERT_EQ(read(before, hasher, "ann:$f$a\nbob:$f$b\ncarl:$f$c\n"), "");
  for (const char* credentials : {"ann:a", "bob:b"}) enter(before, basic(credentials));
  ASSERT_EQ(read(after, hasher, "ann:$f$a\nbob:$f$changed\ncarl:$f$c\nzoe:$f$z\n"), "");
  after.keep_verified(before);
  EXPECT_EQ(enter(after, basic("ann:a")).what, What::good);
  EXPECT_EQ(after.computed(), 0U);
  EXPECT_EQ(enter(after, basic("bob:b")).what, What::wrong) << "the password has changed";
  EXPECT_EQ(after.computed(), 1U);
  EXPECT_EQ(enter(after, basic("carl:c")).what, What::good);
  EXPECT_EQ(after.computed(), 2U);
}

TEST(Users, NoUserIsKnownBeforeAFileIsRead) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  EXPECT_EQ(enter(users, basic("ann:secret")).what, What::wrong);
  EXPECT_EQ(users.login({}, kField).what, What::missing);
}

TEST(Users, TheLinesOfAFile) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  EXPECT_EQ(read(users, hasher, "# users\n\nann:$f$a\r\n \t\nbob jr:$f$b"), "")
      << "comments, blank lines, CR LF, no last LF";
  EXPECT_EQ(users.size(), 2U);
  EXPECT_EQ(enter(users, basic("ann:a")).what, What::good);
  EXPECT_EQ(enter(users, basic("bob jr:b")).what, What::good);
}

TEST(Users, ACommentAfterTheHash) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  ASSERT_EQ(read(users, hasher, "ann:$f$secret:Ann: of the office\nbob:$f$b:\n"), "");
  EXPECT_EQ(enter(users, basic("ann:secret")).what, What::good);
  EXPECT_EQ(enter(users, basic("bob:b")).what, What::good);
}

TEST(Users, ErrorsOfAFile) {
  struct Row {
    string text;
    const char* says;
  };
  const Row rows[] = {
      {"", "no users"},
      {"# ann:$f$a\n", "no users"},
      {"ann\n", "line 1: expected USER:HASH"},
      {"ann:$f$a\n\n#\nbob\n", "line 4: expected USER:HASH"},
      {":$f$a\n", "line 1: missing user name"},
      {"ann:\n", "line 1: missing hash"},
      {"a\tnn:$f$a\n", "line 1: control character"},
      {string(256, 'a') + ":$f$a\n", "line 1: user name is longer than 255 bytes"},
      {"ann::x\n", "line 1: missing hash"},
      {"ann:$f$a \n", "line 1: unexpected characters after the hash"},
      {"ann:$f$a\nbob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "line 2: unsupported hash {SHA}"},
      {"ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "unsalted"},
      {"ann:{SSHA}x\n", "SHA-1"},
      {"ann:{CRYPT}x\n", "does not support"},
      {"ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n", "Apache's MD5"},
      {"ann:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n", "htpasswd -B"},
      {"ann:secret\n", "looks like a password"},
      {"ann:$9$x$y\n", "crypt(3) does not know this kind"},
      {"ann:$6$salt$tooshort\n", "truncated"},
      {"ann:$f$a\nbob:$f$" + string(400, '!') + "\n",
       "line 2: the hash of user 'bob' is too costly: about 401 ms on this machine, at most 350 ms"},
      {"ann:$f$?\n", "line 1: the hash of user 'ann' has unusual parameters"},
      {"ann:$f$a\nbob:$f$b\nann:$f$c\n", "line 3: duplicate user 'ann', first in line 1"},
  };
  for (const Row& row : rows) {
    FakeHasher hasher;
    Users users{&hasher, kKey};
    const string error = read(users, hasher, row.text);
    EXPECT_NE(error.find(row.says), string::npos) << row.text << " -> " << error;
    EXPECT_EQ(error.find('\n'), string::npos) << "one line";
    EXPECT_EQ(users.size(), 0U);
  }
}

// ---- libcrypt, if available: hashes made by other programs ----------------------------------------------

struct RealHash {
  const char *title, *hash;
};
constexpr RealHash kRealHashes[] = {
    // of "secret", made by openssl passwd and by crypt of Perl
    {"bcrypt", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"},
    {"SHA-512",
     "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."},
    {"SHA-256", "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."},
    {"MD5", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"},
    {"yescrypt", "$y$j75$abcdefgh$uMUXG79B2cFpoAYyDccUnsaH/aGTyBYMlnQidzyag01"},
    {"traditional", "abNANd1rDfiNc"},
};

TEST(Crypt, AcceptsHashesOfOtherPrograms) {
  const std::unique_ptr<plan::Hasher> hasher =
      plan::make_crypt([]() noexcept { return static_cast<std::uint64_t>(std::clock()); });
  if (!hasher) GTEST_SKIP() << "built without libcrypt";
  for (const RealHash& row : kRealHashes) {
    Users users{hasher.get(), kKey};
    ASSERT_EQ(read(users, *hasher, "ann:" + string{row.hash} + "\n"), "") << row.title;
    EXPECT_EQ(enter(users, basic("ann:secret")).what, What::good) << row.title;
    EXPECT_EQ(enter(users, basic("ann:Secret")).what, What::wrong) << row.title;
    EXPECT_EQ(enter(users, basic("ann:")).what, What::wrong) << row.title;
    EXPECT_EQ(users.computed(), 3U) << row.title;
    EXPECT_GT(hasher->cost(row.hash).us, 0U) << row.title;
    const string cut{row.hash, std::string_view{row.hash}.size() - 1};
    EXPECT_NE(read(users, *hasher, "ann:" + cut + "\n"), "") << row.title << ": one character less";
  }
}

TEST(Crypt, TheWorkOfEachKind) {
  struct Row {
    const char* hash;
    std::optional<std::uint64_t> work;
    std::size_t password_bytes;
  };
  const Row rows[] = {{"$2b$05$x", 32, 72},
                      {"$2y$31$x", std::uint64_t{1} << 31, 72},
                      {"$2y$99$x", {}, 72},
                      {"$2a$", {}, 72},
                      {"$5$salt$x", 5000, 128},
                      {"$6$rounds=123456$salt$x", 123456, 128},
                      {"$6$rounds=1$salt$x", 1000, 128},
                      {"$6$rounds=$salt$x", {}, 128},
                      {"$1$salt$x", 1, 128},
                      {"$y$j75$salt$x", 8 << 9, 128},
                      {"$gy$j9T$salt$x", 32 << 11, 128},
                      {"$y$j9T0$salt$x", {}, 128},
                      {"$y$", {}, 128},
                      {"$7$CU..../....salt$x", 1 << 14, 128},
                      {"$7$CU.../....salt$x", {}, 128},
                      {"_J9..salt", 725, 128},
                      {"$md5,rounds=4$salt$x", 4100, 128},
                      {"$sha1$2000$salt$x", 2000, 128},
                      {"abNANd1rDfiNc", 1, 8}};
  for (const Row& row : rows) {
    const plan::HashKind* const kind = plan::hash_kind(row.hash);
    ASSERT_NE(kind, nullptr) << row.hash;
    EXPECT_EQ(kind->work(row.hash), row.work) << row.hash;
    EXPECT_EQ(kind->password_bytes, row.password_bytes) << row.hash;
    EXPECT_TRUE(kind->work(kind->sample)) << kind->sample;
  }
  EXPECT_EQ(plan::hash_kind("$9$x"), nullptr);
}

// Its hash takes days: it is not computed to find that out.
TEST(Crypt, ATooCostlyHashIsRefusedWithoutComputingIt) {
  const std::unique_ptr<plan::Hasher> hasher =
      plan::make_crypt([]() noexcept { return static_cast<std::uint64_t>(std::clock()); });
  if (!hasher) GTEST_SKIP() << "built without libcrypt";
  Users users{hasher.get(), kKey};
  const string error = read(users, *hasher, "ann:$2y$31$" + string(53, 'a') + "\n");
  EXPECT_NE(error.find("line 1: the hash of user 'ann' is too costly"), string::npos) << error;
}

TEST(Crypt, RefusesUnsupportedHashes) {
  const std::unique_ptr<plan::Hasher> hasher =
      plan::make_crypt([]() noexcept { return static_cast<std::uint64_t>(std::clock()); });
  if (!hasher) GTEST_SKIP() << "built without libcrypt";
  for (const char* hash :
       {"$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "$9$abc$def", "$2y$99$abcdefghijklmnopqrstuu", "$",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "*0", "!", "x", "password"}) {
    Users users{hasher.get(), kKey};
    EXPECT_NE(read(users, *hasher, "ann:" + string{hash} + "\n").find("line 1: "), string::npos) << hash;
  }
  EXPECT_TRUE(hasher->hash("secret", "*0").empty());
}

}  // namespace
