#include "tests/unit/protocol/vectors.h"

#include <sodium.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "protocol/evp.h"
#include "protocol/wire.h"

namespace fob::test {
namespace {

const std::filesystem::path& data_folder() {
  static const std::filesystem::path folder = FOB_TEST_DATA;
  return folder;
}

/// Without the "-----BEGIN …-----" lines.
Bytes unarmor(const std::string& text) {
  std::istringstream lines(text);
  std::string contents;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-----")) contents += line;
  }
  return from_base64(contents);
}

}  // namespace

std::string read_data(const std::string& name) {
  std::ifstream file(data_folder() / name, std::ios::binary);
  if (!file) throw std::runtime_error("no test data " + name);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::vector<std::vector<std::string>> read_words(const std::string& name) {
  std::istringstream lines(read_data(name));
  std::vector<std::vector<std::string>> out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    out.emplace_back();
    for (std::string word; words >> word;) out.back().push_back(word);
  }
  return out;
}

Bytes from_hex(std::string_view text) {
  if (text.empty()) return {};  // its data may be a null pointer, which libsodium must not be given
  Bytes out(text.size() / 2);
  std::size_t size = 0;
  if (sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), " ", &size, nullptr) != 0) {
    throw std::runtime_error("not hexadecimal: " + std::string(text));
  }
  out.resize(size);
  return out;
}

std::string to_hex(ByteView bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
  out.pop_back();
  return out;
}

Bytes from_base64(std::string_view text) {
  Bytes out(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), "\n", &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0) {
    throw std::runtime_error("not base64: " + std::string(text));
  }
  out.resize(size);
  return out;
}

Bytes public_key_blob(const std::string& name) { return from_base64(read_words(name).at(0).at(1)); }

const std::map<std::string, Bytes>& all_key_blobs() {
  static const std::map<std::string, Bytes> blobs = [] {
    std::map<std::string, Bytes> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data_folder())) {
      if (entry.path().extension() != ".pub") continue;
      const std::string name = std::filesystem::relative(entry.path(), data_folder()).string();
      out[name] = public_key_blob(name);
    }
    return out;
  }();
  return blobs;
}

const std::map<std::string, Bytes>& messages() {
  static const std::map<std::string, Bytes> recorded = [] {
    std::map<std::string, Bytes> out;
    for (const auto& words : read_words("messages/messages.txt")) out[words.at(0)] = from_hex(words.at(1));
    return out;
  }();
  return recorded;
}

const Bytes& message(const std::string& name) { return messages().at(name); }

std::map<std::string, Bytes> messages_ending(std::string_view ending) {
  std::map<std::string, Bytes> out;
  for (const auto& [name, bytes] : messages()) {
    if (name.ends_with(ending)) out[name] = bytes;
  }
  return out;
}

FileSignature file_signature(const std::string& name, const std::string& file) {
  const Bytes blob = unarmor(read_data(name));
  Reader in(blob);
  in.raw(6);  // the magic
  in.u32();   // version
  FileSignature out;
  out.key_blob = to_bytes(in.string());
  const std::string_view signature_namespace = in.text();
  in.string();  // reserved
  const std::string_view hash_name = in.text();
  out.signature = to_bytes(in.string());
  in.done();
  const Digest hash(hash_name == "sha512" ? Hash::sha512 : Hash::sha256, as_bytes(read_data(file)));
  Writer signed_data;
  signed_data.raw(as_bytes("SSHSIG")).string(signature_namespace).string("").string(hash_name).string(hash.view());
  out.signed_data = signed_data.take();
  return out;
}

std::optional<Errc> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

void expect_exact_length(ByteView whole, const std::function<void(ByteView)>& read,
                         const std::vector<std::size_t>& allowed) {
  EXPECT_NO_THROW(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own, so that AddressSanitizer sees a read beyond it.
    const Bytes prefix = to_bytes(whole.first(size));
    const bool fails = error_of([&] { read(prefix); }).has_value();
    const bool may_pass = std::find(allowed.begin(), allowed.end(), size) != allowed.end();
    EXPECT_EQ(fails, !may_pass) << "the first " << size << " of " << whole.size() << " bytes";
  }
  Bytes longer = to_bytes(whole);
  longer.push_back(0);
  EXPECT_TRUE(error_of([&] { read(longer); })) << "a trailing byte";
}

void expect_every_bit_counts(ByteView whole, const std::function<void(ByteView)>& check) {
  Bytes copy = to_bytes(whole);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1U << bit % 8);
    copy[bit / 8] ^= mask;
    EXPECT_TRUE(error_of([&] { check(copy); })) << "bit " << bit % 8 << " of byte " << bit / 8;
    copy[bit / 8] ^= mask;
  }
}

}  // namespace fob::test
