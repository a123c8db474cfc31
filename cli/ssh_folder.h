#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/key_file/key_file.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {

/// A key that is in a file.
struct FolderKey {
  std::string path;  ///< of the private key, if that is there
  std::optional<KeyFileFormat> private_format;
  PublicKeyFormat public_format = PublicKeyFormat::openssh;  ///< of a file without a private key
  bool encrypted = false;
  std::optional<PublicKey> key;  ///< nothing where only the passphrase would show it
  std::string comment;           ///< of the file with .pub beside it, where the file itself shows none
  std::optional<bool> in_agent;  ///< nothing where there is no agent, or where it is not known which key it is

  /// "OpenSSH", "PEM", "PKCS#8", "PPK", "RFC 4716".
  std::string format_name() const;
};

/// What is wrong with a file or the folder, and what to do about it. Both are for people, and printable.
struct FolderProblem {
  std::string path;
  std::string fault;
  std::string remedy;  ///< a command to type
};

/// The keys in ~/.ssh itself, without the folders in it, by name.
struct SshFolder {
  std::string path;
  bool exists = false;
  std::vector<FolderKey> keys;
  std::vector<FolderProblem> problems;
};

/// Looks at regular files of at most limits::key_file_bytes, at the first thousand names; waits for none, and asks for
/// no passphrase. A public key and its private key are one entry. What is in the folder and no key is passed over; what
/// cannot be read is a problem. `agent_has`: then a public key needs no private key in a file. Throws not_found where
/// there is no home.
SshFolder look_into_ssh_folder(const std::function<bool(const PublicKey&)>& agent_has);

}  // namespace fob::cli
