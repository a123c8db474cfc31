#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/private_key.h"
#include "protocol/public_key.h"
#include "tokens/pkcs11_token.h"

namespace fob::pkcs11 {

/// A PIV card in a reader, for what its PKCS#11 module has no function for: slots with their policies, PUK, management
/// key, attestation (NIST SP 800-73-4 part 2, Yubico's extensions), by libykpiv. Whether a PKCS#11 token is one, and
/// which slot an object is of, says piv_slot.h.
///
/// Each call connects, beside other programs, is one transaction, and leaves nothing behind: no connection, and after
/// a PIN or the management key a card that was reset. A module's open session therefore hears SCARD_W_RESET_CARD, and
/// does not know of new keys: open its sessions anew. A wrong PIN spends one try in a call, never two.
/// Threads: one. Every call may block: for as long as another program has a transaction, a key is made, or a touch is
/// awaited.
/// Errors: throws Error: not_found (pcscd, reader, card, PIV application, key), pin_required, wrong_pin, pin_blocked,
/// refused (an occupied slot, a wrong management key, a card that another program has for itself), timed_out (no
/// touch), unsupported, removed, bad_signature, system.
class PivCard {
 public:
  /// `reader` as pcscd names it. `opened` is called in each call when the card is this one's: until then another
  /// program may have it.
  explicit PivCard(std::string reader, std::function<void()> opened = {});

  /// PIN tries left, without using one; nothing where the card does not say.
  std::optional<unsigned> pin_tries();
  /// Of YubiKeys; nothing where the card does not say.
  std::optional<std::uint32_t> serial();
  /// Makes a key in a slot, and a self-signed certificate beside it, for which the PIN is needed unless the policy is
  /// `never`. Refused if the slot holds a key or a certificate and `wanted.replace` is false. Where only the
  /// certificate cannot be made, the error says that the key is there.
  PublicKey generate(const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets);
  /// The same with an existing key: RSA of 2048 bits with the exponent 65537, P-256, P-384.
  PublicKey store(const Pkcs11NewKey& wanted, const PrivateKey& key, const Pkcs11Secrets& secrets);
  /// Deletes certificate and key; where the card cannot delete keys (before firmware 5.7), throws unsupported and
  /// changes nothing.
  void remove(const std::string& slot, const Pkcs11Secrets& secrets);
  /// The key's attestation, and the card's attestation certificate.
  std::vector<Bytes> attest(const std::string& slot);
  void unblock_pin(const SecretBytes& puk, const SecretBytes& new_pin);

 private:
  std::string reader_;
  std::function<void()> opened_;
};

/// The readers that pcscd knows; none where it does not run.
std::vector<CardReader> card_readers();
/// The one of a module's slot, by the slot's description, which has 64 bytes where a reader's name may have more;
/// nothing where that is not clear.
std::optional<std::string> reader_of_slot(const std::string& description);
/// Ends what the card in the reader has verified: a PIN does not outlive its use. Nothing happens where another program
/// has the card for itself.
void reset_card(const std::string& reader) noexcept;

}  // namespace fob::pkcs11
