#pragma once

#include <array>

#include "agent/vault/sqlite.h"

/// The tables of the vault's file (docs/vault.md), and what keeps a damaged or hostile file from doing harm.
namespace fob::vault_schema {

inline constexpr std::int64_t version = 2;

/// SHA-256 over every field of a row.
using Digest = std::array<std::uint8_t, 32>;
Digest digest_of(ByteView fields);

/// How many rows there are, and the XOR of their digests: so that none can be missing unnoticed.
struct Tally {
  std::int64_t count = 0;
  Digest digest{};

  void add(const Digest& row) { change(row, 1); }
  void remove(const Digest& row) { change(row, -1); }
  bool operator==(const Tally&) const = default;

  /// Of two columns of the current row: a count and a digest.
  static Tally read(const sqlite::Database& database, const sqlite::Statement& row, int first_column);

 private:
  void change(const Digest& row, std::int64_t by);
};

/// The one row of the table `contents`.
struct Contents {
  Tally keys;
  Tally slots;

  static Contents read(const sqlite::Database& database);
  void write(const sqlite::Database& database) const;
};

/// Of a vault without keys.
Bytes new_file();

/// To be called at once: from now on nothing in the file can make SQLite run more than fob's own statements.
void set_up(sqlite::Database& database);
/// Whether the tables of an undamaged file are those of this version, and whether every page is sound. Returns its
/// version. Inside a transaction. Throws malformed; refused for a newer version.
std::int64_t check(sqlite::Database& database, const std::string& path);
/// Makes the tables of this version, empty; for new_file() and migrate().
void create(sqlite::Database& database);

/// Brings a file of version 1 to this version, inside the caller's transaction. Throws malformed where any row does
/// not fit its digest.
void migrate_from_1(sqlite::Database& database);

}  // namespace fob::vault_schema
