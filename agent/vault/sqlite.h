#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

/// The little of SQLite's C interface that fob uses, with owners and Errors.
namespace fob::sqlite {

/// A connection to one database file; everything blocks until it is on the disk.
///
/// Threads: any, one at a time.
/// Errors: refused (another process uses the file), malformed (the file is damaged, or not what it should be), system.
class Database {
 public:
  /// Opens an existing file; no part of `path` may be a symbolic link.
  static Database open(const std::string& path);
  /// A new database that lives in memory.
  static Database in_memory();

  /// Runs statements that return nothing of interest.
  void run(const std::string& sql);
  std::int64_t integer(const std::string& query);
  std::string text(const std::string& query);
  /// The file that this database would be.
  Bytes image() const;
  /// Whether the file is still the one at its path.
  bool in_place() const;

  /// Throws the Error for a result code of SQLite's.
  [[noreturn]] void fail(int code) const;
  /// Throws malformed: the file is damaged in this way.
  [[noreturn]] void fail_damaged(const std::string& how) const;

  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Closer {
    void operator()(sqlite3* handle) const;
  };

  explicit Database(const std::string& path, int flags);

  std::string path_;
  std::unique_ptr<sqlite3, Closer> handle_;
};

/// One prepared statement; must not outlive its Database.
class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  /// Gives the next parameter, from the left. The value is copied.
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind(ByteView value);

  /// Whether there is a (further) row.
  bool step();
  /// Columns of the current row, from 0.
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  Bytes blob(int column) const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* handle) const;
  };

  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalizer> handle_;
  int bound_ = 0;
};

/// What happens between here and commit() happens wholly or not at all.
class Transaction {
 public:
  /// From now on nobody else can even read.
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN EXCLUSIVE"); }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace fob::sqlite
