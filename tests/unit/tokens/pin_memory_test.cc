#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "protocol/limits.h"
#include "tests/unit/tokens/sealed.h"
#include "tests/unit/tokens/soft_hsm.h"
#include "tests/unit/tokens/support.h"
#include "tokens/random.h"

namespace fob {
namespace {

/// Twenty characters of two bytes each that no program has in it by chance.
std::string random_pin() {
  std::string out;
  for (const std::uint8_t byte : random_bytes(20)) {
    out += '\xc3';
    out += static_cast<char>(0x80 + byte % 64);
  }
  return out;
}

/// Everything in a process that root can read.
class Memory {
 public:
  explicit Memory(pid_t pid) : descriptor_(open(path(pid, "mem").c_str(), O_RDONLY)) {
    std::ifstream maps(path(pid, "maps"));
    for (std::string line; std::getline(maps, line);) {
      std::istringstream in(line);
      std::size_t begin = 0;
      std::size_t end = 0;
      char dash = 0;
      if (in >> std::hex >> begin >> dash >> end) regions_.emplace_back(begin, end);
    }
  }

  bool is_readable() const { return descriptor_.get() >= 0 && !regions_.empty(); }

  bool holds(std::string_view text) const {
    const std::boyer_moore_horspool_searcher searcher(text.begin(), text.end());
    return std::any_of(regions_.begin(), regions_.end(), [&](const auto& region) {
      std::string contents(region.second - region.first, '\0');
      const ssize_t got = pread(descriptor_.get(), contents.data(), contents.size(), static_cast<off_t>(region.first));
      if (got <= 0) return false;  // memfd_secret(2), or the kernel's
      contents.resize(static_cast<std::size_t>(got));
      return std::search(contents.begin(), contents.end(), searcher) != contents.end();
    });
  }

 private:
  static std::string path(pid_t pid, const char* name) { return "/proc/" + std::to_string(pid) + "/" + name; }

  test::Descriptor descriptor_;
  std::vector<std::pair<std::size_t, std::size_t>> regions_;
};

std::string left_of_hash(std::string_view pin) {
  std::uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const std::uint8_t*>(pin.data()), pin.size(), hash);
  return {reinterpret_cast<const char*>(hash), 16};
}

/// What a PIN leaves if it is not wiped: itself, or what CTAP sends of it (the left half of its SHA-256).
void expect_gone(const test::HostProcess& host, const std::vector<std::string>& pins) {
  const Memory memory(host.pid());
  for (std::size_t i = 0; i < pins.size(); ++i) {
    EXPECT_FALSE(memory.holds(std::string_view(pins[i]).substr(0, 16))) << "the start of PIN " << i;
    EXPECT_FALSE(memory.holds(std::string_view(pins[i]).substr(pins[i].size() - 16))) << "the end of PIN " << i;
    EXPECT_FALSE(memory.holds(left_of_hash(pins[i]))) << "the hash of PIN " << i;
  }
}

class PinMemory : public testing::TestWithParam<unsigned> {};

TEST_P(PinMemory, HoldsNoPinAfterUse) {
#ifdef FOB_INSTRUMENTED
  GTEST_SKIP() << "a sanitizer keeps more memory than can be searched";
#endif
  virt::Personality personality;
  personality.pin_protocols = {GetParam()};
  test::Bench bench(personality);
  bench.describe();
  if (!Memory(bench.host.pid()).is_readable()) GTEST_SKIP() << "the host's memory is for root to read";
  EXPECT_TRUE(Memory(bench.host.pid()).holds("fob-agent starts it"));
  const std::string first = random_pin();
  const std::string second = random_pin();
  const std::string wrong = random_pin();

  bench.set_pin(first).as<host::Done>();
  expect_gone(bench.host, {first});
  bench.change_pin(first, second).as<host::Done>();
  expect_gone(bench.host, {first, second});
  EXPECT_EQ(bench.list(wrong).error(), Errc::wrong_pin);
  expect_gone(bench.host, {first, second, wrong});
  const auto flags = static_cast<std::uint8_t>(sk_flags::user_presence_required | sk_flags::resident_key |
                                               sk_flags::user_verification_required);
  const NewKey key = bench.generate(test::new_key(KeyKind::sk_ed25519, flags), second).as<host::Generated>().key;
  bench.sign(key, "data", second).as<host::Signed>();
  bench.list(second).as<host::ResidentKeys>();
  expect_gone(bench.host, {first, second, wrong});
}

/// No 16 bytes of it.
void expect_secret_gone(const test::HostProcess& host, std::string_view secret) {
  constexpr std::size_t scanned_bytes = 16;
  const Memory memory(host.pid());
  for (std::size_t at = 0; at + scanned_bytes <= secret.size(); ++at) {
    EXPECT_FALSE(memory.holds(secret.substr(at, scanned_bytes))) << "byte " << at << " of the secret, and what follows";
  }
}

TEST_P(PinMemory, HoldsNoSecretAfterItWasGiven) {
#ifdef FOB_INSTRUMENTED
  GTEST_SKIP() << "a sanitizer keeps more memory than can be searched";
#endif
  virt::Personality personality;
  personality.pin_protocols = {GetParam()};
  test::Bench bench(personality);
  const std::string pin = random_pin();
  bench.set_pin(pin).as<host::Done>();
  if (!Memory(bench.host.pid()).is_readable()) GTEST_SKIP() << "the host's memory is for root to read";
  const Bytes handle = bench.make_secret_credential().as<host::SecretCredential>().key_handle;
  const Bytes salt = random_bytes(limits::fido_salt_bytes);
  for (const bool verify : {false, true}) {
    const std::string secret = bench.derive(handle, salt, verify, verify ? pin : "").secret();
    // Who answers something else has got rid of the reply before.
    bench.describe().as<host::Described>();
    expect_secret_gone(bench.host, secret);
    expect_gone(bench.host, {pin});
  }
}

INSTANTIATE_TEST_SUITE_P(Protocols, PinMemory, testing::Values(1U, 2U));

/// Nor does SoftHSM2; other modules may, and so the agent ends their hosts.
TEST(Pkcs11Memory, HoldsNoSecretAfterItWasOpened) {
#ifdef FOB_INSTRUMENTED
  GTEST_SKIP() << "a sanitizer keeps more memory than can be searched";
#endif
  test::HsmBench bench;
  if (!Memory(bench.host.pid()).is_readable()) GTEST_SKIP() << "the host's memory is for root to read";
  Pkcs11NewKey wanted;
  wanted.token = "pkcs11:token=work";
  wanted.label = "vault";
  wanted.opens_secrets = true;
  const Pkcs11Key ec =
      bench.host(host::GenerateKey{wanted, {test::secret(test::SoftHsm::pin), {}}}).as<host::KeyList>().keys.at(0);
  for (const Pkcs11Key& key : {ec, bench.new_key(KeyKind::rsa, "rsa")}) {
    const test::Sealed sealed = test::seal_for(key.public_key);
    const auto opened =
        bench.host(host::OpenSecret{key.uri, key.public_key.blob, sealed.sealed, test::secret(test::SoftHsm::pin)});
    EXPECT_EQ(opened.secret(), sealed.secret);
    EXPECT_EQ(bench.token_info().label, "work");
    expect_secret_gone(bench.host, sealed.secret);
  }
}

}  // namespace
}  // namespace fob
