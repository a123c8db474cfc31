#include "agent/vault/vault_rows.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "protocol/control_key_requests.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::vault_rows {
namespace {

constexpr char select_keys[] =
    "SELECT identity, name, comment, public_key, holder, key_handle, sealed, sk_flags, provider, token, created,"
    " confirm, services, digest FROM keys";
constexpr char insert_key[] =
    "INSERT INTO keys (identity, name, comment, public_key, holder, key_handle, sealed, sk_flags, provider, token,"
    " created, confirm, services, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// What people say of a key; all else is the key.
constexpr char update_key[] =
    "UPDATE keys SET name = ?, comment = ?, confirm = ?, services = ?, digest = ? WHERE name = ?";
constexpr char select_slots[] = "SELECT id, kind, name, created, parameters, wrapped, digest FROM keyslots";
constexpr char insert_slot[] =
    "INSERT INTO keyslots (id, kind, name, created, parameters, wrapped, digest) VALUES (?, ?, ?, ?, ?, ?, ?)";

std::string selecting(std::string from, const char* which) { return from.append(which); }

Bytes services_of(const StoredKey& key) {
  Writer out;
  control::write_services(key.services, out);
  return out.take();
}

/// Over every field, so that no damaged key is taken for a sound one.
Digest digest_of(const StoredKey& key) {
  Writer fields;
  fields.string("fob stored key 2").string(ByteView(key.identity)).string(key.name).string(key.comment);
  fields.string(key.public_key.blob).u8(static_cast<std::uint8_t>(key.holder)).string(key.key_handle);
  fields.string(key.sealed).u8(key.sk_flags).string(key.provider).string(key.token).u64(key.created);
  fields.boolean(key.confirm).string(services_of(key));
  return vault_schema::digest_of(fields.bytes());
}

Digest digest_of(const Keyslot& slot) {
  Writer fields;
  fields.string("fob stored keyslot 2").u32(slot.id).u8(static_cast<std::uint8_t>(slot.kind)).string(slot.name);
  fields.u64(slot.created).string(slot.parameters).string(slot.wrapped);
  return vault_schema::digest_of(fields.bytes());
}

/// Columns of the current row, read from the left. Throws malformed for what cannot be.
class Row {
 public:
  explicit Row(const sqlite::Statement& row) : row_(row) {}

  std::string text() { return row_.text(column_++); }
  Bytes blob() { return row_.blob(column_++); }
  /// 0 to `most`.
  std::uint64_t number(std::uint64_t most) {
    const std::int64_t value = row_.integer(column_++);
    if (value < 0 || static_cast<std::uint64_t>(value) > most) {
      throw Error(Errc::malformed, "a number in it is " + std::to_string(value));
    }
    return static_cast<std::uint64_t>(value);
  }
  std::uint8_t byte(std::uint8_t most = 0xff) { return static_cast<std::uint8_t>(number(most)); }
  Digest digest(const Digest& wanted) {
    if (!equal(blob(), wanted)) throw Error(Errc::malformed, "a row does not fit its digest");
    return wanted;
  }

 private:
  const sqlite::Statement& row_;
  int column_ = 0;
};

constexpr std::uint64_t last_time = std::numeric_limits<std::int64_t>::max();

StoredKey read_row(const sqlite::Statement& row, Digest& digest) {
  Row columns(row);
  StoredKey out;
  const Bytes identity = columns.blob();
  if (identity.size() != out.identity.size()) throw Error(Errc::malformed, "a key has no identity");
  std::copy(identity.begin(), identity.end(), out.identity.begin());
  out.name = columns.text();
  out.comment = columns.text();
  out.public_key = PublicKey::parse(columns.blob());
  out.holder = static_cast<StoredKey::Holder>(columns.byte());
  out.key_handle = columns.blob();
  out.sealed = columns.blob();
  out.sk_flags = columns.byte();
  out.provider = columns.text();
  out.token = columns.text();
  out.created = columns.number(last_time);
  out.confirm = columns.byte(1) != 0;
  const Bytes services = columns.blob();
  Reader in(services);
  out.services = control::read_services(in);
  in.done();
  digest = columns.digest(digest_of(out));
  check(out);
  return out;
}

Keyslot read_slot(const sqlite::Statement& row, Digest& digest) {
  Row columns(row);
  Keyslot out;
  out.id = static_cast<std::uint32_t>(columns.number(std::numeric_limits<std::uint32_t>::max()));
  const std::optional<KeyslotKind> kind = keyslot_kind(columns.byte());
  if (!kind) throw Error(Errc::malformed, "a keyslot is of no kind");
  out.kind = *kind;
  out.name = columns.text();
  out.created = columns.number(last_time);
  out.parameters = columns.blob();
  out.wrapped = columns.blob();
  digest = columns.digest(digest_of(out));
  check(out);
  return out;
}

/// `read` of the current row. What it does not believe means that the file is damaged.
template <class Result>
Result believed(const sqlite::Database& database, const sqlite::Statement& row, Digest& digest,
                Result (*read)(const sqlite::Statement&, Digest&)) {
  std::string fault;
  try {
    return read(row, digest);
  } catch (const Error& error) {
    fault = error.what();
  }
  database.fail_damaged(fault);
}

void check_together(const StoredKey& key) {
  const bool sk = is_sk(key.public_key.kind);
  const auto fits = [&] {
    switch (key.holder) {
      case StoredKey::Holder::vault: return !sk && !key.sealed.empty() && key.key_handle.empty() && key.sk_flags == 0;
      case StoredKey::Holder::fido: return sk && key.sealed.empty();
      case StoredKey::Holder::pkcs11: return !sk && key.sealed.empty() && !key.key_handle.empty();
    }
    return false;
  };
  if (!fits()) throw Error(Errc::malformed, "the key " + key.name + " does not fit what holds it");
}

void check_limit(const char* what, std::size_t size, std::size_t most) {
  if (size <= most) return;
  throw Error(Errc::too_large, std::string(what) + " of " + std::to_string(size) +
                                   " bytes is too large to keep, at most " + std::to_string(most) + " are allowed");
}

/// One slot that cannot be read must not stand in the way of the others later.
void check_parameters(const Keyslot& slot) {
  switch (slot.kind) {
    case KeyslotKind::passphrase: PassphraseParameters::read(slot.parameters); break;
    case KeyslotKind::recovery: RecoveryParameters::read(slot.parameters); break;
    case KeyslotKind::fido: FidoParameters::read(slot.parameters); break;
    case KeyslotKind::pkcs11: Pkcs11Parameters::read(slot.parameters); break;
  }
}

void check_count(const sqlite::Database& database, const char* what, std::size_t count, std::size_t most) {
  if (count <= most) return;
  database.fail_damaged("it holds more than " + std::to_string(most) + " " + what);
}

void check_time(std::uint64_t created) {
  if (created > last_time) throw Error(Errc::too_large, "a time of creation is out of range");
}

}  // namespace

void check(const StoredKey& key) {
  check_limit("a key",
              key.name.size() + key.comment.size() + key.public_key.blob.size() + key.key_handle.size() +
                  key.sealed.size() + key.provider.size() + key.token.size() + services_of(key).size(),
              limits::stored_key_bytes);
  check_time(key.created);
  control::check_key_name(key.name);
  control::check_services(key.services);
  check_together(key);
}

void check(const Keyslot& slot) {
  check_limit("a keyslot's name", slot.name.size(), limits::name_bytes);
  check_limit("a keyslot", slot.parameters.size() + slot.wrapped.size(), limits::stored_keyslot_bytes);
  check_time(slot.created);
  if (slot.wrapped.empty()) throw Error(Errc::malformed, "a keyslot without contents");
  check_parameters(slot);
}

std::vector<StoredKey> read_keys(const sqlite::Database& database, Tally& tally) {
  std::vector<StoredKey> out;
  sqlite::Statement select(database, selecting(select_keys, " ORDER BY id"));
  while (select.step()) {
    Digest digest{};
    out.push_back(believed(database, select, digest, read_row));
    tally.add(digest);
    check_count(database, "keys", out.size(), limits::keys);
  }
  return out;
}

std::vector<Keyslot> read_slots(const sqlite::Database& database, Tally& tally) {
  std::vector<Keyslot> out;
  sqlite::Statement select(database, selecting(select_slots, " ORDER BY id"));
  while (select.step()) {
    Digest digest{};
    out.push_back(believed(database, select, digest, read_slot));
    tally.add(digest);
    check_count(database, "keyslots", out.size(), limits::keyslots);
  }
  return out;
}

StoredKey read_key(const sqlite::Database& database, const std::string& name, Digest& digest) {
  sqlite::Statement select(database, selecting(select_keys, " WHERE name = ?"));
  if (!select.bind(name).step()) throw Error(Errc::not_found, "no kept key is named " + name);
  return believed(database, select, digest, read_row);
}

Digest find_slot(const sqlite::Database& database, std::uint32_t id) {
  sqlite::Statement select(database, selecting(select_slots, " WHERE id = ?"));
  if (!select.bind(std::int64_t{id}).step()) throw Error(Errc::not_found, "there is no keyslot " + std::to_string(id));
  Digest digest{};
  believed(database, select, digest, read_slot);
  return digest;
}

Digest insert(const sqlite::Database& database, const StoredKey& key) {
  const Digest digest = digest_of(key);
  sqlite::Statement row(database, insert_key);
  row.bind(ByteView(key.identity)).bind(key.name).bind(key.comment).bind(ByteView(key.public_key.blob));
  row.bind(static_cast<std::int64_t>(key.holder)).bind(ByteView(key.key_handle)).bind(ByteView(key.sealed));
  row.bind(std::int64_t{key.sk_flags}).bind(key.provider).bind(key.token);
  row.bind(static_cast<std::int64_t>(key.created)).bind(std::int64_t{key.confirm});
  row.bind(ByteView(services_of(key))).bind(ByteView(digest)).step();
  return digest;
}

Digest update(const sqlite::Database& database, const std::string& name, const StoredKey& key) {
  const Digest digest = digest_of(key);
  sqlite::Statement row(database, update_key);
  row.bind(key.name).bind(key.comment).bind(std::int64_t{key.confirm}).bind(ByteView(services_of(key)));
  row.bind(ByteView(digest)).bind(name).step();
  if (sqlite3_changes(database.handle()) != 1) database.fail_damaged("a key could not be changed");
  return digest;
}

Digest insert(const sqlite::Database& database, const Keyslot& slot) {
  const Digest digest = digest_of(slot);
  sqlite::Statement row(database, insert_slot);
  row.bind(std::int64_t{slot.id}).bind(static_cast<std::int64_t>(slot.kind)).bind(slot.name);
  row.bind(static_cast<std::int64_t>(slot.created)).bind(ByteView(slot.parameters)).bind(ByteView(slot.wrapped));
  row.bind(ByteView(digest)).step();
  return digest;
}

}  // namespace fob::vault_rows
