#pragma once

#include <winscard.h>
#include <ykpiv.h>

#include <string>

#include "tokens/pkcs11_token.h"

namespace fob::pkcs11 {

/// A card with its PIV application selected, held in one transaction until this dies.
///
/// Shared with other programs. Where a PIN or the management key was given to the card, it is reset in the end: what
/// they allowed must not be left to others, and these hear of a reset (SCARD_W_RESET_CARD), as of nothing else.
/// Threads: one.
class PivConnection {
 public:
  /// Waits for as long as another program holds a transaction. Errors: not_found (pcscd does not run, no such reader,
  /// no card, no PIV card), refused (another program has the card for itself), removed, unsupported, system.
  explicit PivConnection(const std::string& reader);
  ~PivConnection();
  PivConnection(const PivConnection&) = delete;
  PivConnection& operator=(const PivConnection&) = delete;

  ykpiv_state* get() const { return state_; }
  /// Throws `unless` YKPIV_OK: removed, or system, "WHAT: …".
  void check(ykpiv_rc status, const char* what) const;
  /// An APDU without data; the status word.
  int command(std::uint8_t ins, std::uint8_t p1, std::uint8_t p2);

  /// VERIFY, which spends a try where the PIN is wrong. Errors: refused for what can be no PIV PIN, which spends none;
  /// pin_required, wrong_pin, pin_blocked.
  void verify_pin(const SecretBytes& pin);
  /// `hex` as in Pkcs11Secrets. Errors: refused, unsupported (an AES key, which libykpiv 2.2 does not know).
  void authenticate(const SecretBytes& hex);

 private:
  void connect(const std::string& reader);
  void select();
  void disconnect();

  SCARDCONTEXT context_ = 0;
  SCARDHANDLE card_ = 0;
  ykpiv_state* state_ = nullptr;
  bool reset_at_end_ = false;
};

/// Throws refused where this is no PIV PIN or PUK: 6 to 8 bytes (SP 800-73-4 part 2 §2.4.3).
void check_piv_pin(const SecretBytes& pin, const char* what);
/// The management key's 24 bytes. Throws refused where `hex` is not empty and not 48 hexadecimal digits.
SecretBytes management_key(const SecretBytes& hex);

}  // namespace fob::pkcs11
