#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/error.h"
#include "protocol/secret_bytes.h"
#include "tokens/pkcs11/attributes.h"
#include "tokens/pkcs11/key_search.h"
#include "tokens/pkcs11/library.h"
#include "tokens/pkcs11/module.h"
#include "tokens/pkcs11/uri.h"

namespace fob::pkcs11 {

/// A token with a session that is kept for further calls.
struct OpenToken {
  SlotToken token;
  CK_SESSION_HANDLE session = 0;
  bool logged_in = false;

  bool has(CK_FLAGS flag) const { return (token.info.flags & flag) != 0; }
};

/// A private key that can be used without searching.
struct ReadyKey {
  CK_SLOT_ID slot = 0;
  CK_OBJECT_HANDLE object = 0;
  PublicKey public_key;
  bool always_authenticate = false;
};

/// What a Module has open: the library, sessions, logins, keys that were found. Calls stand between begin() and end().
class Connection {
 public:
  Connection(const std::string& library, Progress progress) : library_(library), progress_(std::move(progress)) {}

  // --- around a call ---

  void begin();
  /// Whether `error` may come from something that an earlier call had opened, and is gone by now. Not once a PIN was
  /// sent, and not for what took so long that a person may have been waited for.
  bool may_be_stale(const Error& error) const;
  /// Closes what is stale: everything, but where somebody stays logged in to another token, only the one in use.
  void rebuild() noexcept;
  /// Logs out where this call has logged in, unless it is to stay so.
  void end(bool stay_logged_in) noexcept;
  /// Closes all and finalises the library, so that other programs have the tokens to themselves.
  void close() noexcept;
  /// Has any token been seen that people take out, and does nobody stay logged in?
  bool holds_card() const;
  bool anyone_logged_in() const;

  // --- within a call ---

  /// The library, initialised.
  Library& library();
  /// The tokens that are there and that `uri` names.
  std::vector<SlotToken> tokens(const Uri& uri);
  /// Errors: not_found, refused (several).
  SlotToken one_token(const std::string& uri);
  OpenToken& open(const SlotToken& token);
  OpenToken& opened(CK_SLOT_ID slot) { return open_.at(slot); }
  SessionRef session(const OpenToken& token) const { return {&library_.functions(), token.session}; }
  const CK_FUNCTION_LIST& functions() const { return library_.functions(); }

  /// Logs the user in, unless that has been done: with `pin`, or at the reader's pin pad. Looks first whether the PIN
  /// is blocked. Errors: pin_required (there is none), wrong_pin, pin_blocked, refused.
  void login(OpenToken& token, const SecretBytes& pin);
  /// The same, but a PIN that is given counts even where the user is logged in already: for what must not be had with
  /// a wrong one.
  void login_anew(OpenToken& token, const SecretBytes& pin);
  /// For the operation that has begun in `session` (CKA_ALWAYS_AUTHENTICATE). Nothing happens where the token does not
  /// want it. Errors: as above.
  void login_for_operation(const OpenToken& token, CK_SESSION_HANDLE session, const SecretBytes& pin);
  /// As the security officer, in `session`; it and only it must be open, and has to log out.
  void login_as_officer(const SlotToken& token, CK_SESSION_HANDLE session, const SecretBytes& pin);
  /// Whether the token still has the user logged in; remembers the answer.
  bool check_login(OpenToken& token);
  /// A PIN goes to the token from now on; what fails then is not tried again by itself.
  void pin_is_sent() { pin_sent_ = true; }
  /// Tells, once in a call, that something has been opened. To be called before anything that may take long.
  void announce();
  /// The same, of a card that was opened past the library.
  void announce_card();
  void announce_pin_pad() { progress_.pin_pad_wanted(); }

  ReadyKey* find_ready(const std::string& uri);
  ReadyKey& remember(const std::string& uri, ReadyKey key);
  /// Closes the sessions with one token: logs out there.
  void close_token(CK_SLOT_ID slot) noexcept;

 private:
  void logout(OpenToken& token) noexcept;
  void note_verified(const SlotToken& token);
  void forget_keys(CK_SLOT_ID slot) noexcept;
  CK_RV send_pin(CK_SESSION_HANDLE session, CK_USER_TYPE user, bool pin_pad, const SecretBytes& pin);

  Library library_;
  Progress progress_;
  std::map<CK_SLOT_ID, OpenToken> open_;
  std::unordered_map<std::string, ReadyKey> ready_;
  bool card_seen_ = false;
  /// Readers of cards that stay verified when their module logs out.
  std::set<std::string> verified_;

  // Of the call.
  std::chrono::steady_clock::time_point began_;
  bool was_open_ = false;
  bool opened_now_ = false;
  bool announced_ = false;
  bool pin_sent_ = false;
  CK_SLOT_ID in_use_ = CK_UNAVAILABLE_INFORMATION;
  std::vector<CK_SLOT_ID> logged_in_now_;
};

/// A further session, for an operation that needs its own or writes; closed at the end.
class Session {
 public:
  Session(const CK_FUNCTION_LIST& module, CK_SLOT_ID slot, bool writable);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  CK_SESSION_HANDLE handle() const { return handle_; }
  SessionRef ref() const { return {&module_, handle_}; }

 private:
  const CK_FUNCTION_LIST& module_;
  CK_SESSION_HANDLE handle_ = 0;
};

/// Throws what a function that took a PIN has returned, in words: of PIN lengths, and of what is left.
void check_pin(const Library& library, const SlotToken& token, CK_RV result, const char* function);
/// Throws refused for a PIN that the token says it does not take.
void check_pin_length(const CK_TOKEN_INFO& info, const SecretBytes& pin);
/// Throws pin_blocked where the token says so of itself.
void refuse_if_blocked(const Library& library, const SlotToken& token, CK_FLAGS locked, const char* whose);

}  // namespace fob::pkcs11
