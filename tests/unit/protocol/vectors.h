#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/public_key.h"

namespace fob::test {

/// Reads a file of tests/data (its README says where each comes from). Throws std::runtime_error where there is none.
std::string read_data(const std::string& name);

/// Words of each line of a file of tests/data.
std::vector<std::vector<std::string>> read_words(const std::string& name);

Bytes from_hex(std::string_view text);
std::string to_hex(ByteView bytes);
Bytes from_base64(std::string_view text);

/// The key blob of a one-line public key file.
Bytes public_key_blob(const std::string& name);
inline PublicKey public_key(const std::string& name) { return PublicKey::parse(public_key_blob(name)); }
/// Every public key and certificate in tests/data, by file name.
const std::map<std::string, Bytes>& all_key_blobs();

/// The recorded messages (messages/messages.txt), by name.
const std::map<std::string, Bytes>& messages();
const Bytes& message(const std::string& name);
/// Those whose name ends so: ".request", ".reply".
std::map<std::string, Bytes> messages_ending(std::string_view ending);

/// A file signature of ssh-keygen -Y sign, taken apart (PROTOCOL.sshsig).
struct FileSignature {
  Bytes key_blob;
  Bytes signature;
  Bytes signed_data;  ///< what the key signed: the magic, the namespace and the file's hash
};
FileSignature file_signature(const std::string& name, const std::string& file);

/// The code of the Error that `action` throws, or nothing if it throws none.
std::optional<Errc> error_of(const std::function<void()>& action);

/// Calls `read` with each proper prefix of `whole` and with one trailing byte; each must throw Error, but for the
/// prefixes of the sizes in `allowed`.
void expect_exact_length(ByteView whole, const std::function<void(ByteView)>& read,
                         const std::vector<std::size_t>& allowed = {});

/// Calls `check` with each copy of `whole` in which one bit differs; each must throw Error.
void expect_every_bit_counts(ByteView whole, const std::function<void(ByteView)>& check);

}  // namespace fob::test
