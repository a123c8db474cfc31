#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/control_token_requests.h"
#include "protocol/keyslot_kind.h"
#include "protocol/secret_bytes.h"

/// What `fob` asks about the vault, and what it is told of it; see control_request.h and control_reply.h.
namespace fob::control {

/// Opens the vault: with what is at hand, or with a slot of `kind` only. The agent asks for passphrase, recovery code,
/// PIN or touch. Keys that `ssh-add -d` or `-D` took away are offered again. Nothing happens where it is open.
struct UnlockVault {
  std::optional<KeyslotKind> kind;

  static UnlockVault read(Reader& in);
  void write(Writer& out) const;
};
/// Wipes the vault key and everything that it has opened; the keys stay listed.
struct LockVault {
  static LockVault read(Reader&) { return {}; }
  void write(Writer&) const {}
};
struct ListSlots {
  static ListSlots read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Adds a slot, and the vault where there is none yet, then with a recovery slot beside it. The agent has the vault
/// opened first, and asks for the new passphrase. Answered with SlotAdded.
struct AddSlot {
  enum class Pin : std::uint8_t { if_set, always, never };

  KeyslotKind kind = KeyslotKind::passphrase;
  TokenName on;           ///< of fido and pkcs11. The URI of a key (object or id in it): that key opens the vault; of a
                          ///< token: a key is made for it
  Pin pin = Pin::if_set;  ///< of fido: whether opening wants the PIN beside the touch

  static AddSlot read(Reader& in);
  void write(Writer& out) const;
};
/// Never the last one.
struct RemoveSlot {
  std::uint32_t id = 0;

  static RemoveSlot read(Reader& in);
  void write(Writer& out) const;
};
/// Answered with BackedUp.
struct BackUp {
  static BackUp read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Puts a backup in the vault's place. A vault that has keys is kept beside it, and goes only where `replace` says so.
/// Answered with Keys, those of the backup.
struct Restore {
  std::string path;  ///< absolute
  bool replace = false;

  static Restore read(Reader& in);
  void write(Writer& out) const;
};

/// A keyslot, without anything that opens it.
struct Slot {
  std::uint32_t id = 0;
  KeyslotKind kind = KeyslotKind::passphrase;
  std::string name;           ///< of fido and pkcs11: the token, for people
  std::string uri;            ///< of pkcs11: the key's
  bool pin = false;           ///< of fido: wants the PIN
  std::uint64_t created = 0;  ///< seconds since 1970
};
struct Slots {
  bool exists = false;  ///< there is a vault key, and so slots
  bool locked = true;
  std::string path;  ///< of the vault's file
  std::vector<Slot> slots;

  static Slots read(Reader& in);
  void write(Writer& out) const;
};
/// Of AddSlot.
struct SlotAdded {
  Slot slot;
  SecretBytes recovery_code;  ///< to be shown once; empty: there is none that is new

  static SlotAdded read(Reader& in);
  void write(Writer& out) const;
};
/// Of BackUp.
struct BackedUp {
  std::uint32_t key_count = 0;
  Bytes file;  ///< its contents; openable with any slot

  static BackedUp read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob::control
