#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <vector>

#include "protocol/public_key.h"
#include "tests/daemon/temp_dir.h"

namespace fob {

/// Tokens of a SoftHSM2 of its own, made through the module itself, as another tool would.
class SoftHsm {
 public:
  struct Wish {
    KeyKind kind = KeyKind::ecdsa_p256;
    std::string label = "key";
    std::uint8_t id = 1;
    bool always_authenticate = false;
    bool with_public_key = true;
  };

  SoftHsm();

  /// A token with this PIN; empty: none is set. Returns its serial number. Where labels are equal, `token` below is
  /// that.
  std::string add_token(const std::string& label, const std::string& pin = "1234");
  void generate(const std::string& token, const Wish& wish, const std::string& pin = "1234");
  /// How many objects there are on it.
  std::size_t objects(const std::string& token, const std::string& pin = "1234");
  void remove_objects(const std::string& token, const std::string& pin = "1234");
  void change_pin(const std::string& token, const std::string& old_pin, const std::string& new_pin);

  /// "SOFTHSM2_CONF=…", for whatever loads the module.
  std::string environment() const { return "SOFTHSM2_CONF=" + directory_.file("softhsm2.conf"); }
  static std::string library();

 private:
  class Session;
  TempDir directory_;
};

}  // namespace fob
