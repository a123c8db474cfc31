#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/tokens/support.h"
#include "tokens/pkcs11/connection.h"

namespace fob::test {

/// SoftHSM2's tokens in a folder of their own, and hosts of its PKCS#11 module. SOFTHSM2_CONF names them as long as
/// this lives: only one at a time.
class SoftHsm {
 public:
  static constexpr const char* library = "/usr/lib/softhsm/libsofthsm2.so";
  static constexpr const char* pin = "1234";
  static constexpr const char* officer_pin = "87654321";

  SoftHsm();
  ~SoftHsm();
  SoftHsm(const SoftHsm&) = delete;
  SoftHsm& operator=(const SoftHsm&) = delete;

  /// Makes a token with `softhsm2-util`.
  void add_token(const std::string& label) const;
  /// In this process, which is another than the host's: `action` with a session of `label`'s token that writes, logged
  /// in.
  void as_other_program(const std::string& label, const std::function<void(const pkcs11::SessionRef&)>& action) const;
  static HostProcess host() { return HostProcess::pkcs11(library); }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// SoftHSM2 with one token, and a host.
struct HsmBench {
  HsmBench();

  /// The reply to GenerateKey.
  Outcome generate(KeyKind kind, const std::string& label, unsigned rsa_bits = 2048);
  /// The new key; a failure of the test where there is none.
  Pkcs11Key new_key(KeyKind kind, const std::string& label);
  Outcome sign(const Pkcs11Key& key, std::string_view data, std::string_view pin = SoftHsm::pin,
               bool stay_logged_in = true, std::uint32_t flags = 2);
  Outcome list(const std::string& uri, std::string_view pin = {}, bool stay_logged_in = false);
  std::vector<Pkcs11Key> keys(const std::string& uri = "pkcs11:", std::string_view pin = {});
  Pkcs11TokenInfo token_info(const std::string& uri = "pkcs11:token=work");

  SoftHsm hsm;
  HostProcess host;
};

/// A template of a private and a public key with what fob's own have, for what other programs make.
pkcs11::Template pair_template(bool is_private, const std::string& label, ByteView id);

}  // namespace fob::test
