#include "agent/vault/sqlite.h"

#include <sqlite3.h>

#include "protocol/error.h"

namespace fob::sqlite {
namespace {

/// Whether the file's contents are at fault, not the disk or the caller.
bool means_damage(int primary_code) {
  switch (primary_code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:  // a length beyond what fob ever wrote
    case SQLITE_ERROR:   // SQL that fits every undamaged schema
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT: return true;  // what it guards was checked before
    default: return false;
  }
}

}  // namespace

void Database::Closer::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Database::Database(const std::string& path, int flags) : path_(path) {
  sqlite3* handle = nullptr;
  // One thread at a time uses it, so SQLite needs no mutexes.
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code);
  // Where a file does not open for writing, SQLite opens it for reading; what it then calls exclusive locks nobody out.
  if (sqlite3_db_readonly(handle, "main") != 0) {
    throw Error(Errc::system, path + " does not open for writing: chmod 600 it, or try again");
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 0);
}

Database Database::open(const std::string& path) {
  return Database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW);
}

Database Database::in_memory() { return Database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); }

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Database::integer(const std::string& query) {
  Statement statement(*this, query);
  if (!statement.step()) fail_damaged("no answer to " + query);
  return statement.integer(0);
}

std::string Database::text(const std::string& query) {
  Statement statement(*this, query);
  if (!statement.step()) fail_damaged("no answer to " + query);
  return statement.text(0);
}

Bytes Database::image() const {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> image(sqlite3_serialize(handle(), "main", &size, 0),
                                                              sqlite3_free);
  if (!image) fail(SQLITE_NOMEM);
  return {image.get(), image.get() + size};
}

bool Database::in_place() const {
  int moved = 0;
  const int code = sqlite3_file_control(handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code != SQLITE_OK) fail(code);
  return moved == 0;
}

void Database::fail(int code) const {
  const int primary_code = code & 0xff;
  const std::string text = handle_ ? sqlite3_errmsg(handle()) : sqlite3_errstr(code);
  if (primary_code == SQLITE_BUSY || primary_code == SQLITE_LOCKED) {
    throw Error(Errc::refused, path_ + " is in use by another process: one agent at a time can use it");
  }
  if (primary_code == SQLITE_FULL) {
    throw Error(Errc::system, "cannot write " + path_ + ": no space left; nothing was changed");
  }
  if (means_damage(primary_code)) fail_damaged(text);
  const bool disk_failed = primary_code == SQLITE_IOERR || primary_code == SQLITE_CANTOPEN;
  const int number = handle_ && disk_failed ? sqlite3_system_errno(handle()) : 0;
  if (number != 0) throw_system_error("cannot read or write " + path_ + ": " + text, number);
  throw Error(Errc::system, "cannot read or write " + path_ + ": " + text);
}

void Database::fail_damaged(const std::string& how) const {
  throw Error(Errc::malformed,
              path_ + " is damaged (" + how + "): restore it from a backup, or move it away to begin anew");
}

void Statement::Finalizer::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Statement::Statement(const Database& database, std::string_view sql) : database_(database) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database_.fail(code);
}

Statement& Statement::bind(std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), ++bound_, value);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  const int code =
      sqlite3_bind_text64(handle_.get(), ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

Statement& Statement::bind(ByteView value) {
  // A null pointer would be NULL, not empty.
  const void* data = value.empty() ? "" : static_cast<const void*>(value.data());
  const int code = sqlite3_bind_blob64(handle_.get(), ++bound_, data, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_.fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string Statement::text(int column) const { return std::string(as_text(blob(column))); }

Bytes Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  if (data == nullptr) return {};
  return {data, data + size};
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself.
  if (open_ && sqlite3_get_autocommit(database_.handle()) == 0) {
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace fob::sqlite
