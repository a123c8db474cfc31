#include "tokens/pkcs11/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tokens/pkcs11/piv_card.h"
#include "tokens/pkcs11/piv_slot.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/token_info.h"

namespace fob::pkcs11 {

namespace {

bool is_same(const CK_TOKEN_INFO& one, const CK_TOKEN_INFO& other) {
  return std::memcmp(one.serialNumber, other.serialNumber, sizeof(one.serialNumber)) == 0 &&
         std::memcmp(one.label, other.label, sizeof(one.label)) == 0;
}

}  // namespace

void Connection::begin() {
  began_ = std::chrono::steady_clock::now();
  was_open_ = library_.is_initialized();
  opened_now_ = announced_ = pin_sent_ = false;
  in_use_ = CK_UNAVAILABLE_INFORMATION;
  logged_in_now_.clear();
}

bool Connection::may_be_stale(const Error& error) const {
  switch (error.code()) {
    case Errc::removed:
    case Errc::not_found:
    case Errc::system: break;
    default: return false;
  }
  return was_open_ && !pin_sent_ && std::chrono::steady_clock::now() - began_ < limits::touch_likely;
}

void Connection::rebuild() noexcept {
  was_open_ = false;
  if (in_use_ != CK_UNAVAILABLE_INFORMATION) close_token(in_use_);
  if (!anyone_logged_in()) close();
}

void Connection::end(bool stay_logged_in) noexcept {
  if (stay_logged_in) return;
  for (const CK_SLOT_ID slot : logged_in_now_) {
    const auto found = open_.find(slot);
    if (found != open_.end()) logout(found->second);
  }
}

void Connection::logout(OpenToken& token) noexcept {
  library_.functions().C_Logout(token.session);
  token.logged_in = false;
  // Handles of private objects end with the login (PKCS#11 3.0 §5.6.8).
  forget_keys(token.token.slot);
}

void Connection::close() noexcept {
  open_.clear();
  ready_.clear();
  library_.finalize();
  card_seen_ = false;
  for (const std::string& reader : verified_) reset_card(reader);
  verified_.clear();
}

/// OpenSC's C_Logout leaves a PIV card as it is: its piv_logout() is not there. libykcs11 resets the card itself.
void Connection::note_verified(const SlotToken& token) {
  if (piv_module_of(manufacturer_of(token.info), model_of(token.info)) != PivModule::opensc) return;
  const std::optional<std::string> reader = reader_of_slot(slot_of(token.slot_info));
  if (reader) verified_.insert(*reader);
}

bool Connection::holds_card() const { return library_.is_initialized() && card_seen_ && !anyone_logged_in(); }

bool Connection::anyone_logged_in() const {
  return std::any_of(open_.begin(), open_.end(), [](const auto& entry) { return entry.second.logged_in; });
}

Library& Connection::library() {
  if (library_.initialize()) opened_now_ = true;
  return library_;
}

std::vector<SlotToken> Connection::tokens(const Uri& uri) {
  const CK_INFO info = library().info();
  std::vector<SlotToken> out;
  for (const SlotToken& token : present_tokens(library_)) {
    if ((token.slot_info.flags & CKF_REMOVABLE_DEVICE) != 0) card_seen_ = true;
    if (uri.names(info, token)) out.push_back(token);
  }
  return out;
}

SlotToken Connection::one_token(const std::string& uri) {
  const std::vector<SlotToken> found = tokens(Uri(uri));
  if (found.empty()) throw Error(Errc::not_found, "no token is there that the URI names: " + uri);
  if (found.size() == 1) return found[0];
  throw Error(Errc::refused,
              "the URI names " + std::to_string(found.size()) + " tokens: add what tells them apart, as serial=…");
}

OpenToken& Connection::open(const SlotToken& token) {
  in_use_ = token.slot;
  const auto found = open_.find(token.slot);
  if (found != open_.end() && is_same(found->second.token.info, token.info)) {
    found->second.token = token;
    return found->second;
  }
  if (found != open_.end()) close_token(token.slot);  // another token is in the slot now
  OpenToken opened;
  opened.token = token;
  check(library_.functions().C_OpenSession(token.slot, CKF_SERIAL_SESSION, nullptr, nullptr, &opened.session),
        "C_OpenSession");
  opened_now_ = true;
  OpenToken& out = open_.emplace(token.slot, opened).first->second;
  // Another program of this process cannot have logged in, but some modules share the login of all programs.
  check_login(out);
  return out;
}

bool Connection::check_login(OpenToken& token) {
  CK_SESSION_INFO info{};
  check(library_.functions().C_GetSessionInfo(token.session, &info), "C_GetSessionInfo");
  token.logged_in = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
  return token.logged_in;
}

void Connection::announce() {
  if (!opened_now_ || std::exchange(announced_, true)) return;
  progress_.opened();
}

void Connection::announce_card() {
  opened_now_ = true;
  announce();
}

ReadyKey* Connection::find_ready(const std::string& uri) {
  const auto found = ready_.find(uri);
  if (found == ready_.end()) return nullptr;
  in_use_ = found->second.slot;
  return &found->second;
}

ReadyKey& Connection::remember(const std::string& uri, ReadyKey key) {
  if (ready_.size() >= limits::pkcs11_keys) ready_.clear();
  return ready_.insert_or_assign(uri, std::move(key)).first->second;
}

void Connection::close_token(CK_SLOT_ID slot) noexcept {
  forget_keys(slot);
  if (open_.erase(slot) != 0) library_.functions().C_CloseAllSessions(slot);
}

void Connection::forget_keys(CK_SLOT_ID slot) noexcept {
  std::erase_if(ready_, [slot](const auto& entry) { return entry.second.slot == slot; });
}

Session::Session(const CK_FUNCTION_LIST& module, CK_SLOT_ID slot, bool writable) : module_(module) {
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
  check(module_.C_OpenSession(slot, flags, nullptr, nullptr, &handle_), "C_OpenSession");
}

Session::~Session() { module_.C_CloseSession(handle_); }

}  // namespace fob::pkcs11
