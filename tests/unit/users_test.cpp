// Names and passwords: the file, the field, and the cache of verified passwords.
#include "../../src/plan/users.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../../src/config/users_text.hpp"
#include "../../src/http/basic_auth.hpp"

namespace {

using plan::LoginResult;
using plan::Users;
using std::string;
using What = LoginResult::What;

constexpr base::SipKey kKey{0x1234, 0x5678};

// "$f$PASSWORD" is the hash of a password, with "." for ":", which no hash contains. Other prefixes are
// unknown.
class FakeHasher final : public plan::Hasher {
 public:
  [[nodiscard]] bool knows(const char* setting) const noexcept override {
    return std::string_view{setting}.starts_with("$f$") || std::string_view{setting}.starts_with("$6$") ||
           std::string_view{setting}.size() == 13;
  }
  std::string_view hash(const char* password, const char*) noexcept override {
    asked_.emplace_back(password);
    if (broken) return {};
    made_ = "$f$" + string{password};
    std::replace(made_.begin(), made_.end(), ':', '.');
    return made_;
  }
  [[nodiscard]] const std::vector<string>& asked() const { return asked_; }

  bool broken = false;

 private:
  std::vector<string> asked_;
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
string read(Users& users, const plan::Hasher& hasher, const string& text) {
  std::vector<plan::User> list;
  string error = config::parse_users(text, hasher, list);
  if (error.empty()) users.set(std::move(list));
  return error;
}

class WithUsers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(read(users, hasher, "ann:$f$secret\nbob:$f$p.q\ncarl:$f$\n"), ""); }
  What check(const string& value) { return users.check(value).what; }

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
  const LoginResult login = users.check(basic("ann:secret"));
  EXPECT_EQ(login.what, What::good);
  EXPECT_EQ(login.user, "ann");
  EXPECT_EQ(check(basic("bob:p:q")), What::good) << "the first colon separates";
  EXPECT_EQ(check(basic("carl:")), What::good) << "an empty password";
  for (const char* credentials : {"ann:secre", "ann:secret ", "ann:", "Ann:secret", "an:secret",
                                  "anna:secret", ":secret", "bob:secret", "dan:secret", ":", "ann:SECRET"}) {
    const LoginResult wrong = users.check(basic(credentials));
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
  EXPECT_EQ(hasher.asked().back(), string(plan::kCredentialsMax - 4, 'x')) << "complete";
  EXPECT_EQ(check(basic("ann:" + string(plan::kCredentialsMax - 3, 'x'))), What::malformed);
  EXPECT_EQ(check("Basic " + string(100'000, 'A')), What::malformed);
}

TEST_F(WithUsers, OneFieldIsRequired) {
  const string value = basic("ann:secret");
  http::Fields fields;
  fields.add({"Authorization", value});
  EXPECT_EQ(users.login(fields).what, What::missing) << "that one is for the server";
  fields.add({"proxy-AUTHORIZATION", value});
  EXPECT_EQ(users.login(fields).what, What::good);
  EXPECT_EQ(users.login(fields).user, "ann");
  fields.add({"Proxy-Authorization", value});
  EXPECT_EQ(users.login(fields).what, What::malformed);
}

TEST_F(WithUsers, ACorrectPasswordIsHashedOnce) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(check(basic("ann:secret")), What::good);
  EXPECT_EQ(users.computed(), 1U);
  EXPECT_EQ(users.check(basic("ann:secret")).user, "ann") << "from the cache";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(check(basic("ann:wrong")), What::wrong);
  EXPECT_EQ(users.computed(), 4U) << "a wrong one is not cached";
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

TEST(Users, TheLeastRecentlyUsedIsEvicted) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  string file;
  const auto name = [](std::size_t i) { return "u" + std::to_string(i); };
  for (std::size_t i = 0; i <= plan::kRememberedMax; ++i) file += name(i) + ":$f$" + name(i) + "\n";
  ASSERT_EQ(read(users, hasher, file), "");
  const auto enter = [&](std::size_t i) {
    const LoginResult login = users.check(basic(name(i) + ":" + name(i)));
    EXPECT_EQ(login.user, name(i));
    return users.computed();
  };
  for (std::size_t i = 0; i < plan::kRememberedMax; ++i) enter(i);
  EXPECT_EQ(enter(0), plan::kRememberedMax) << "all are cached; 0 is now the most recent";
  EXPECT_EQ(enter(plan::kRememberedMax), plan::kRememberedMax + 1) << "one too many: evicts 1";
  EXPECT_EQ(enter(0), plan::kRememberedMax + 1);
  EXPECT_EQ(enter(1), plan::kRememberedMax + 2);
}

TEST(Users, NoUserIsKnownBeforeAFileIsRead) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  EXPECT_EQ(users.check(basic("ann:secret")).what, What::wrong);
  EXPECT_EQ(users.login({}).what, What::missing);
}

TEST(Users, TheLinesOfAFile) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  EXPECT_EQ(read(users, hasher, "# users\n\nann:$f$a\r\n \t\nbob jr:$f$b"), "")
      << "comments, blank lines, CR LF, no last LF";
  EXPECT_EQ(users.size(), 2U);
  EXPECT_EQ(users.check(basic("ann:a")).what, What::good);
  EXPECT_EQ(users.check(basic("bob jr:b")).what, What::good);
}

TEST(Users, AByteOrderMarkIsNoPartOfTheFirstName) {
  FakeHasher hasher;
  Users users{&hasher, kKey};
  ASSERT_EQ(read(users, hasher,
                 "\xef\xbb\xbf"
                 "ann:$f$secret\n"),
            "");
  EXPECT_EQ(users.check(basic("ann:secret")).what, What::good);
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
      {"ann:$f$a:x\n", "line 1: unexpected characters after the hash"},
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
  const std::unique_ptr<plan::Hasher> hasher = plan::make_crypt();
  if (!hasher) GTEST_SKIP() << "built without libcrypt";
  for (const RealHash& row : kRealHashes) {
    Users users{hasher.get(), kKey};
    ASSERT_EQ(read(users, *hasher, "ann:" + string{row.hash} + "\n"), "") << row.title;
    EXPECT_EQ(users.check(basic("ann:secret")).what, What::good) << row.title;
    EXPECT_EQ(users.check(basic("ann:Secret")).what, What::wrong) << row.title;
    EXPECT_EQ(users.check(basic("ann:")).what, What::wrong) << row.title;
    EXPECT_EQ(users.computed(), 3U) << row.title;
    const string cut{row.hash, std::string_view{row.hash}.size() - 1};
    EXPECT_NE(read(users, *hasher, "ann:" + cut + "\n"), "") << row.title << ": one character less";
  }
}

TEST(Crypt, RefusesUnsupportedHashes) {
  const std::unique_ptr<plan::Hasher> hasher = plan::make_crypt();
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
