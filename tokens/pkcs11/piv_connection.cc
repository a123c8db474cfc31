#include "tokens/pkcs11/piv_connection.h"

#include <algorithm>
#include <array>

#include "protocol/error.h"

namespace fob::pkcs11 {
namespace {

constexpr std::size_t min_pin_bytes = 6;
constexpr std::size_t max_pin_bytes = 8;
constexpr std::size_t management_key_bytes = 24;
constexpr std::uint8_t management_key_reference = 0x9b;
constexpr int tries_unknown = -1;

[[noreturn]] void throw_card_error(const char* what, LONG status) {
  const auto failed = [](Errc code, const std::string& text) { throw Error(code, text); };
  if (status == SCARD_E_NO_SERVICE || status == SCARD_E_SERVICE_STOPPED) {
    failed(Errc::not_found, "no smartcards here: pcscd does not run");
  }
  if (status == SCARD_E_UNKNOWN_READER || status == SCARD_E_READER_UNAVAILABLE) {
    failed(Errc::not_found, "the card's reader is gone");
  }
  if (status == SCARD_E_NO_SMARTCARD || status == SCARD_W_REMOVED_CARD) {
    failed(Errc::not_found, "there is no card in the reader");
  }
  if (status == SCARD_E_SHARING_VIOLATION) {
    failed(Errc::refused, "another program has the card for itself: try again when it has let go");
  }
  if (status == SCARD_E_PROTO_MISMATCH) failed(Errc::unsupported, "the card does not speak T=1, as PIV cards do here");
  throw Error(Errc::system, std::string(what) + ": " + pcsc_stringify_error(status));
}

void want(LONG status, const char* what) {
  if (status != SCARD_S_SUCCESS) throw_card_error(what, status);
}

std::string tries_left(int tries) {
  if (tries < 0) return "";
  return tries == 1 ? ": 1 try left" : ": " + std::to_string(tries) + " tries left";
}

int hex_digit(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void check_piv_pin(const SecretBytes& pin, const char* what) {
  if (pin.size() >= min_pin_bytes && pin.size() <= max_pin_bytes) return;
  throw Error(Errc::refused, std::string("a PIV card's ") + what + " has 6 to 8 characters, and this has " +
                                 std::to_string(pin.size()) + "; the card was not asked");
}

SecretBytes management_key(const SecretBytes& hex) {
  SecretBytes out(management_key_bytes);
  if (hex.empty()) {
    for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] = static_cast<std::uint8_t>(i % 8 + 1);
    return out;
  }
  const bool digits = std::ranges::all_of(hex.view(), [](std::uint8_t c) { return hex_digit(c) >= 0; });
  if (hex.size() != 2 * management_key_bytes || !digits) {
    throw Error(Errc::refused, "a management key has 48 hexadecimal digits; the card was not asked");
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    out.data()[i] = static_cast<std::uint8_t>(hex_digit(hex.data()[2 * i]) << 4 | hex_digit(hex.data()[2 * i + 1]));
  }
  return out;
}

PivConnection::PivConnection(const std::string& reader) {
  try {
    connect(reader);
    select();
  } catch (...) {
    disconnect();
    throw;
  }
}

PivConnection::~PivConnection() { disconnect(); }

void PivConnection::connect(const std::string& reader) {
  DWORD protocol = 0;
  want(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context_), "SCardEstablishContext");
  want(SCardConnect(context_, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card_, &protocol),
       "SCardConnect");
  LONG status = SCardBeginTransaction(card_);
  // Somebody has reset the card since: that is no concern of ours, who have not used it yet.
  if (status == SCARD_W_RESET_CARD) {
    want(SCardReconnect(card_, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD, &protocol), "SCardReconnect");
    status = SCardBeginTransaction(card_);
  }
  want(status, "SCardBeginTransaction");
}

void PivConnection::select() {
  if (ykpiv_init(&state_, 0) != YKPIV_OK) throw Error(Errc::system, "libykpiv cannot be initialised");
  check(ykpiv_connect_with_external_card(state_, static_cast<std::uintptr_t>(context_),
                                         static_cast<std::uintptr_t>(card_)),
        "connecting to the card");
  const std::array<unsigned char, 4> header{0, YKPIV_INS_SELECT_APPLICATION, 0x04, 0};
  const std::array<unsigned char, 5> application{0xa0, 0x00, 0x00, 0x03, 0x08};
  std::array<unsigned char, 256> answer{};
  unsigned long size = answer.size();
  int status = 0;
  check(
      ykpiv_transfer_data(state_, header.data(), application.data(), application.size(), answer.data(), &size, &status),
      "selecting the PIV application");
  if (status != SW_SUCCESS) throw Error(Errc::not_found, "the card in the reader is no PIV card");
}

void PivConnection::disconnect() {
  // Wipes the PIN and the management key, of which libykpiv keeps copies.
  if (state_ != nullptr) ykpiv_done_with_external_card(state_);
  if (card_ != 0) SCardDisconnect(card_, reset_at_end_ ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
  if (context_ != 0) SCardReleaseContext(context_);
}

void PivConnection::check(ykpiv_rc status, const char* what) const {
  if (status == YKPIV_OK) return;
  if (status == YKPIV_PCSC_ERROR) {
    throw Error(Errc::removed, std::string(what) + ": the card does not answer: it was taken out");
  }
  throw Error(Errc::system, std::string(what) + ": " + ykpiv_strerror(status));
}

int PivConnection::command(std::uint8_t ins, std::uint8_t p1, std::uint8_t p2) {
  const std::array<unsigned char, 4> header{0, ins, p1, p2};
  std::array<unsigned char, 256> answer{};
  unsigned long size = answer.size();
  int status = 0;
  check(ykpiv_transfer_data(state_, header.data(), nullptr, 0, answer.data(), &size, &status), "speaking to the card");
  return status;
}

void PivConnection::verify_pin(const SecretBytes& pin) {
  if (pin.empty()) throw Error(Errc::pin_required, "the card wants its PIN for this");
  check_piv_pin(pin, "PIN");
  reset_at_end_ = true;
  int tries = tries_unknown;
  const ykpiv_rc status =
      ykpiv_verify_select(state_, reinterpret_cast<const char*>(pin.data()), pin.size(), &tries, false);
  if (status == YKPIV_WRONG_PIN && tries != 0) throw Error(Errc::wrong_pin, "wrong PIN" + tries_left(tries));
  if (status == YKPIV_PIN_LOCKED || status == YKPIV_WRONG_PIN) {
    throw Error(Errc::pin_blocked, "the card's PIN is blocked: set a new one with the PUK");
  }
  check(status, "the card refuses to check the PIN");
}

void PivConnection::authenticate(const SecretBytes& hex) {
  const SecretBytes key = management_key(hex);
  std::array<unsigned char, 256> data{};
  std::size_t size = data.size();
  // 01 01 algorithm: of firmware 5.3 and later; before, all were 3DES.
  const bool known = ykpiv_get_metadata(state_, management_key_reference, data.data(), &size) == YKPIV_OK &&
                     size >= 3 && data[0] == YKPIV_METADATA_ALGORITHM_TAG && data[1] == 1;
  if (known && data[2] != YKPIV_ALGO_3DES) {
    throw Error(Errc::unsupported, "the card's management key is an AES key, and libykpiv 2 knows 3DES keys only");
  }
  reset_at_end_ = true;
  const ykpiv_rc status = ykpiv_authenticate(state_, key.data());
  if (status == YKPIV_AUTHENTICATION_ERROR) {
    throw Error(Errc::refused, hex.empty() ? "the card does not have the factory's management key: give its own"
                                           : "wrong management key");
  }
  check(status, "authenticating with the management key");
}

}  // namespace fob::pkcs11
