#include "tokens/pkcs11/piv_card.h"

#include <array>
#include <utility>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/piv_certificate.h"
#include "tokens/pkcs11/piv_connection.h"
#include "tokens/pkcs11/piv_import.h"
#include "tokens/pkcs11/piv_slot.h"

namespace fob::pkcs11 {
namespace {

constexpr std::size_t max_object_bytes = 3072;  // YKPIV_OBJ_MAX_SIZE
constexpr std::uint8_t move_key_ins = 0xf6;     // YubiKeys from 5.7 on
constexpr std::uint8_t nowhere = 0xff;

/// What libykpiv allocates.
class Allocated {
 public:
  explicit Allocated(ykpiv_state* card) : card_(card) {}
  ~Allocated() { ykpiv_util_free(card_, data); }
  Allocated(const Allocated&) = delete;
  Allocated& operator=(const Allocated&) = delete;
  ByteView view() const { return {data, size}; }

  std::uint8_t* data = nullptr;
  std::size_t size = 0;

 private:
  ykpiv_state* card_;
};

/// Empty where there is none.
Bytes read_certificate(const PivConnection& card, std::uint8_t slot) {
  Allocated out(card.get());
  const ykpiv_rc status = ykpiv_util_read_cert(card.get(), slot, &out.data, &out.size);
  if (status != YKPIV_INVALID_OBJECT) card.check(status, "reading the slot's certificate");
  return to_bytes(out.view());
}

enum class SlotState { empty, holds_key, unknown };

/// By metadata (firmware 5.3); a card that has none tells only of keys that it can attest (4.3), not of imported ones.
SlotState state_of(const PivConnection& card, std::uint8_t slot) {
  std::array<unsigned char, max_object_bytes> data{};
  std::size_t size = data.size();
  ykpiv_rc status = ykpiv_get_metadata(card.get(), slot, data.data(), &size);
  if (status == YKPIV_OK) return SlotState::holds_key;
  if (status == YKPIV_KEY_ERROR) return SlotState::empty;
  if (status == YKPIV_PCSC_ERROR) card.check(status, "reading the slot's state");
  size = data.size();
  status = ykpiv_attest(card.get(), slot, data.data(), &size);
  if (status == YKPIV_PCSC_ERROR) card.check(status, "reading the slot's state");
  return status == YKPIV_OK ? SlotState::holds_key : SlotState::unknown;
}

void want_free_slot(const PivConnection& card, const Pkcs11NewKey& wanted) {
  const std::uint8_t slot = piv_key_reference(wanted.slot);
  if (wanted.replace) return;
  const SlotState state = state_of(card, slot);
  const bool certified = !read_certificate(card, slot).empty();
  if (state == SlotState::empty && !certified) return;
  const char* what = state == SlotState::holds_key ? " holds a key" : " holds a certificate";
  if (state == SlotState::unknown && !certified) what = " may hold a key, which this card does not tell";
  if (wanted.opens_secrets) {
    // Of 9d, which is taken where none is asked for, both modules tell this id.
    const char* id = wanted.slot == "9d" ? ", which is the card's with id=%03" : "";
    throw Error(Errc::refused, "slot " + wanted.slot + what + ": if that key is to be used, give its URI" + id);
  }
  throw Error(Errc::refused,
              "slot " + wanted.slot + what + ": name another, or say that it is to be replaced (--replace)");
}

/// What the slot's default is (SP 800-73-4 part 1 table 4b, and as YubiKeys have it).
PivPinPolicy pin_policy(const Pkcs11NewKey& wanted) {
  if (wanted.pin_policy != PivPinPolicy::by_slot) return wanted.pin_policy;
  if (wanted.slot == "9c") return PivPinPolicy::always;
  return wanted.slot == "9e" ? PivPinPolicy::never : PivPinPolicy::once;
}

/// What can be refused without the card.
void check_wanted(const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  piv_key_reference(wanted.slot);
  check_common_name(wanted.label);
  management_key(secrets.management_key);
  if (pin_policy(wanted) == PivPinPolicy::never) return;
  if (secrets.pin.empty()) throw Error(Errc::pin_required, "the card wants its PIN to sign the key's certificate");
  check_piv_pin(secrets.pin, "PIN");
}

PublicKey rsa_key(ByteView modulus, ByteView exponent) {
  return PublicKey::parse(Writer().string(traits(KeyKind::rsa).name).mpint(exponent).mpint(modulus).bytes());
}

PublicKey ecdsa_key(KeyKind kind, ByteView point) {
  return PublicKey::parse(Writer().string(traits(kind).name).string(traits(kind).curve).string(point).bytes());
}

/// RSA keys made by these can be factored (CVE-2017-15361, Yubico's YSA-2017-01): 4.2.6 to 4.3.4.
void refuse_weak_rsa(const PivConnection& card) {
  std::array<char, 16> version{};
  int major = 0;
  int minor = 0;
  int patch = 0;
  if (ykpiv_get_version(card.get(), version.data(), version.size()) != YKPIV_OK ||
      std::sscanf(version.data(), "%d.%d.%d", &major, &minor, &patch) != 3) {
    throw Error(Errc::unsupported, "the card does not say its version, and some make weak RSA keys: take ECDSA");
  }
  const bool is_weak = major == 4 && ((minor == 2 && patch >= 6) || (minor == 3 && patch < 5));
  if (is_weak) throw Error(Errc::refused, "this card makes RSA keys that can be broken (CVE-2017-15361): take ECDSA");
}

PublicKey generate_on(const PivConnection& card, const Pkcs11NewKey& wanted, std::uint8_t algorithm) {
  if (wanted.kind == KeyKind::rsa) refuse_weak_rsa(card);
  Allocated modulus(card.get());
  Allocated exponent(card.get());
  Allocated point(card.get());
  const ykpiv_rc status = ykpiv_util_generate_key(
      card.get(), piv_key_reference(wanted.slot), algorithm, static_cast<std::uint8_t>(wanted.pin_policy),
      static_cast<std::uint8_t>(wanted.touch_policy), &modulus.data, &modulus.size, &exponent.data, &exponent.size,
      &point.data, &point.size);
  if (status == YKPIV_ALGORITHM_ERROR || status == YKPIV_KEY_ERROR) {
    throw Error(Errc::unsupported, "the card cannot make such a key in slot " + wanted.slot);
  }
  card.check(status, "making a key");
  return wanted.kind == KeyKind::rsa ? rsa_key(modulus.view(), exponent.view()) : ecdsa_key(wanted.kind, point.view());
}

Bytes sign_on(PivConnection& card, const Pkcs11NewKey& wanted, std::uint8_t algorithm, ByteView input,
              const SecretBytes& pin) {
  // Directly before, as this policy wants it; that the PIN is right is known by now.
  if (pin_policy(wanted) == PivPinPolicy::always) card.verify_pin(pin);
  Bytes out(limits::signature_bytes);
  std::size_t size = out.size();
  const ykpiv_rc status = ykpiv_sign_data(card.get(), input.data(), input.size(), out.data(), &size, algorithm,
                                          piv_key_reference(wanted.slot));
  const bool touch = wanted.touch_policy == PivTouchPolicy::always || wanted.touch_policy == PivTouchPolicy::cached;
  if (status == YKPIV_AUTHENTICATION_ERROR && touch) throw Error(Errc::timed_out, "nobody touched the card in time");
  card.check(status, "signing the certificate");
  out.resize(size);
  return out;
}

void write_certificate(const PivConnection& card, const std::string& slot, Bytes certificate) {
  card.check(ykpiv_util_write_cert(card.get(), piv_key_reference(slot), certificate.data(), certificate.size(),
                                   YKPIV_CERTINFO_UNCOMPRESSED),
             "writing the certificate");
}

/// OpenSC reads the certificates of 82 to 95 only as far as the key history object counts them (SP 800-73-4 part 1
/// §3.3.3): C1, its first element, one byte. An object of another form is left as it is.
void count_in_history(const PivConnection& card, const std::string& slot) {
  const std::uint8_t reference = piv_key_reference(slot);
  if (reference > YKPIV_KEY_RETIRED20) return;
  const auto number = static_cast<std::uint8_t>(reference - YKPIV_KEY_RETIRED1 + 1);
  Bytes history(max_object_bytes);
  unsigned long size = history.size();
  const ykpiv_rc status = ykpiv_fetch_object(card.get(), YKPIV_OBJ_KEY_HISTORY, history.data(), &size);
  if (status != YKPIV_INVALID_OBJECT) card.check(status, "reading the key history");
  history.resize(status == YKPIV_OK ? size : 0);
  if (history.empty()) history = {0xc1, 1, 0, 0xc2, 1, 0, 0xfe, 0};
  if (history.size() < 3 || history[0] != 0xc1 || history[1] != 1 || history[2] >= number) return;
  history[2] = number;
  card.check(ykpiv_save_object(card.get(), YKPIV_OBJ_KEY_HISTORY, history.data(), history.size()),
             "writing the key history");
}

void certify(PivConnection& card, const PublicKey& key, const Pkcs11NewKey& wanted, std::uint8_t algorithm,
             const SecretBytes& pin) try {
  const SelfSignedCertificate certificate(key, wanted.label, wanted.opens_secrets);
  const Bytes signature = sign_on(card, wanted, algorithm, certificate.to_sign(), pin);
  count_in_history(card, wanted.slot);
  write_certificate(card, wanted.slot, certificate.finish(signature));
} catch (const Error& error) {
  throw Error(error.code(), std::string(error.what()) + "; the key is in slot " + wanted.slot +
                                ", but it has no certificate of its own, and so cannot be used: make it again, and say "
                                "that it is to be replaced");
}

/// Management key and PIN, before anything is changed.
void log_in(PivConnection& card, const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  want_free_slot(card, wanted);
  card.authenticate(secrets.management_key);
  if (pin_policy(wanted) != PivPinPolicy::never) card.verify_pin(secrets.pin);
}

/// Else it would stand beside a key that it does not belong to if what follows fails.
void remove_old_certificate(const PivConnection& card, const Pkcs11NewKey& wanted) {
  const std::uint8_t slot = piv_key_reference(wanted.slot);
  if (!wanted.replace || read_certificate(card, slot).empty()) return;
  card.check(ykpiv_util_delete_cert(card.get(), slot), "deleting the slot's old certificate");
}

}  // namespace

PivCard::PivCard(std::string reader, std::function<void()> opened)
    : reader_(std::move(reader)), opened_(opened ? std::move(opened) : [] {}) {}

std::optional<unsigned> PivCard::pin_tries() {
  PivConnection card(reader_);
  opened_();
  // VERIFY without a PIN (SP 800-73-4 part 2 §3.2.1). "Verified" says nothing of tries.
  constexpr std::uint8_t pin_reference = 0x80;
  const int status = card.command(YKPIV_INS_VERIFY, 0, pin_reference);
  if (status == SW_ERR_AUTH_BLOCKED) return 0;
  if ((status & 0xfff0) != 0x63c0) return std::nullopt;
  return static_cast<unsigned>(status & 0xf);
}

std::optional<std::uint32_t> PivCard::serial() {
  PivConnection card(reader_);
  opened_();
  std::array<char, 16> version{};
  std::uint32_t out = 0;
  // libykpiv wants the version first: on older keys another application knows the number.
  if (ykpiv_get_version(card.get(), version.data(), version.size()) != YKPIV_OK) return std::nullopt;
  return ykpiv_get_serial(card.get(), &out) == YKPIV_OK ? std::optional(out) : std::nullopt;
}

PublicKey PivCard::generate(const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets) {
  const std::uint8_t algorithm = piv_algorithm(wanted.kind, wanted.rsa_bits);
  check_wanted(wanted, secrets);
  PivConnection card(reader_);
  opened_();
  log_in(card, wanted, secrets);
  remove_old_certificate(card, wanted);
  PublicKey key = generate_on(card, wanted, algorithm);
  certify(card, key, wanted, algorithm, secrets.pin);
  return key;
}

PublicKey PivCard::store(const Pkcs11NewKey& wanted, const PrivateKey& key, const Pkcs11Secrets& secrets) {
  PublicKey plain = PublicKey::parse(key.public_key.plain_blob());
  const std::uint8_t algorithm = piv_algorithm(plain.kind, plain.bits());
  const PivImport import(key);
  check_wanted(wanted, secrets);
  PivConnection card(reader_);
  opened_();
  log_in(card, wanted, secrets);
  remove_old_certificate(card, wanted);
  card.check(import.run(card.get(), piv_key_reference(wanted.slot), static_cast<std::uint8_t>(wanted.pin_policy),
                        static_cast<std::uint8_t>(wanted.touch_policy)),
             "importing the key");
  certify(card, plain, wanted, algorithm, secrets.pin);
  return plain;
}

void PivCard::remove(const std::string& slot, const Pkcs11Secrets& secrets) {
  const std::uint8_t reference = piv_key_reference(slot);
  management_key(secrets.management_key);
  PivConnection card(reader_);
  opened_();
  const SlotState state = state_of(card, reference);
  if (state == SlotState::empty && read_certificate(card, reference).empty()) {
    throw Error(Errc::not_found, "slot " + slot + " is empty");
  }
  card.authenticate(secrets.management_key);
  // Where it does not tell, it is asked to delete one all the same.
  const int status = state == SlotState::empty ? SW_SUCCESS : card.command(move_key_ins, nowhere, reference);
  if (status == SW_ERR_NOT_SUPPORTED) {
    throw Error(Errc::unsupported,
                "the card cannot delete keys (YubiKeys can from firmware 5.7 on): make another in "
                "their place");
  }
  if (status != SW_SUCCESS) throw Error(Errc::refused, "the card refuses to delete the key in slot " + slot);
  card.check(ykpiv_util_delete_cert(card.get(), reference), "the key is deleted, its certificate is not");
}

std::vector<Bytes> PivCard::attest(const std::string& slot) {
  const std::uint8_t reference = piv_key_reference(slot);
  PivConnection card(reader_);
  opened_();
  Bytes out(max_object_bytes);
  std::size_t size = out.size();
  const ykpiv_rc status = ykpiv_attest(card.get(), reference, out.data(), &size);
  if (status == YKPIV_KEY_ERROR) throw Error(Errc::not_found, "slot " + slot + " holds no key");
  if (status == YKPIV_ARGUMENT_ERROR) {
    throw Error(Errc::unsupported,
                "the card attests only keys that were made on it, and slot " + slot + " holds none or another");
  }
  if (status == YKPIV_NOT_SUPPORTED) throw Error(Errc::unsupported, "the card makes no attestations");
  card.check(status, "attesting the key");
  out.resize(size);
  const Bytes issuer = read_certificate(card, YKPIV_KEY_ATTESTATION);
  if (issuer.empty()) return {out};
  return {out, issuer};
}

void PivCard::unblock_pin(const SecretBytes& puk, const SecretBytes& new_pin) {
  check_piv_pin(puk, "PUK");
  check_piv_pin(new_pin, "PIN");
  PivConnection card(reader_);
  opened_();
  int tries = -1;
  const ykpiv_rc status = ykpiv_unblock_pin(card.get(), reinterpret_cast<const char*>(puk.data()), puk.size(),
                                            reinterpret_cast<const char*>(new_pin.data()), new_pin.size(), &tries);
  if (status == YKPIV_PIN_LOCKED || (status == YKPIV_WRONG_PIN && tries == 0)) {
    throw Error(Errc::pin_blocked,
                "the card's PUK is blocked: only a reset of the PIV application helps, which erases "
                "every key in it");
  }
  if (status == YKPIV_WRONG_PIN) {
    throw Error(Errc::wrong_pin, "wrong PUK: " + std::to_string(tries) + (tries == 1 ? " try left" : " tries left"));
  }
  if (status == YKPIV_GENERIC_ERROR) throw Error(Errc::refused, "the card refuses the new PIN: choose another");
  card.check(status, "unblocking the PIN");
}

}  // namespace fob::pkcs11
