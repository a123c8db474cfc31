#include "protocol/fingerprint.h"

#include <sstream>

#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

constexpr int picture_lines = 11;

/// What ssh-keygen -lv said of one key.
struct Vector {
  std::string file;
  Hash hash = Hash::sha256;
  std::string bits;
  std::string fingerprint;
  std::string type;  ///< "(RSA-CERT)"
  std::string picture;
};

std::vector<Vector> read_vectors() {
  std::istringstream in(test::read_data("certificates/fingerprints.txt"));
  std::vector<Vector> out;
  for (std::string file, hash; in >> file >> hash;) {
    Vector vector{file, hash == "md5" ? Hash::md5 : Hash::sha256, {}, {}, {}, {}};
    std::string comment;
    in >> vector.bits >> vector.fingerprint;
    std::getline(in, comment);
    vector.type = comment.substr(comment.rfind('('));
    for (int i = 0; i < picture_lines; ++i) {
      std::string line;
      std::getline(in, line);
      vector.picture += line + (i + 1 < picture_lines ? "\n" : "");
    }
    out.push_back(vector);
  }
  return out;
}

PublicKey key_of(const Vector& vector) {
  constexpr std::string_view beside = "../";
  const bool is_beside = vector.file.starts_with(beside);
  return test::public_key(is_beside ? vector.file.substr(beside.size()) : "certificates/" + vector.file);
}

TEST(Fingerprint, AgreesWithSshKeygen) {
  const std::vector<Vector> vectors = read_vectors();
  EXPECT_GE(vectors.size(), 30U);
  for (const Vector& vector : vectors) {
    const PublicKey key = key_of(vector);
    EXPECT_EQ(fingerprint(key, vector.hash), vector.fingerprint) << vector.file;
    EXPECT_EQ(std::to_string(key.bits()), vector.bits) << vector.file;
    EXPECT_EQ('(' + key.display_type() + ')', vector.type) << vector.file;
  }
}

TEST(Fingerprint, AgreesWithOpenSshsTestData) {
  int count = 0;
  for (const auto& [name, blob] : test::all_key_blobs()) {
    if (!name.starts_with("openssh/sshkey/") || name.find("_sha") != std::string::npos) continue;
    const std::string file = name.substr(0, name.size() - 4) + ".fp";
    EXPECT_EQ(fingerprint(PublicKey::parse(blob)), test::read_words(file).at(0).at(0)) << name;
    ++count;
  }
  EXPECT_EQ(count, 18);
}

TEST(Randomart, AgreesWithSshKeygen) {
  for (const Vector& vector : read_vectors()) {
    EXPECT_EQ(randomart(key_of(vector), vector.hash), vector.picture) << vector.file;
  }
}

}  // namespace
}  // namespace fob
