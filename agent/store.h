#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/sqlite.h"
#include "agent/store_file.h"
#include "protocol/public_key.h"

namespace fob {

/// A key on a token, as it is kept: nothing in it is secret.
struct StoredKey {
  std::string name;  ///< as control::check_key_name has it; unique
  std::string comment;
  PublicKey public_key;  ///< unique
  Bytes key_handle;
  std::uint8_t sk_flags = 0;  ///< PROTOCOL.u2f
  std::string provider;       ///< "internal", or the path of an SK middleware or PKCS#11 module
  std::string token;          ///< for people: which token it was when the key was made
  std::uint64_t created = 0;  ///< seconds since 1970

  /// Then `key_handle` is its URI (RFC 7512).
  bool is_on_pkcs11_token() const { return !is_sk(public_key.kind); }
};

/// The keys that outlive the agent, in one SQLite file (docs/store.md).
///
/// One process at a time: from open() on nobody else can read or write it. What add() and remove() did is on the disk
/// when they return; where they throw, nothing was changed. Each call blocks for as long as the disk takes.
/// Threads: any, one at a time. Fork: a child must not use it, nor the parent one from before.
/// Errors: malformed (damaged: no key of a damaged store is ever returned), refused (in use, not ours, of a newer
/// fob), system.
class Store {
 public:
  enum class Create { no, yes };

  /// Nothing where there is no file, and Create::no.
  static std::optional<Store> open(const std::string& path, Create create);

  /// All keys, in the order in which they were added.
  std::vector<StoredKey> keys();
  /// Throws refused where the name or the public key is there already; too_large.
  void add(const StoredKey& key);
  /// Throws not_found.
  void remove(const std::string& name);

 private:
  explicit Store(sqlite::Database database) : database_(std::move(database)) {}

  sqlite::Database database_;
};

}  // namespace fob
