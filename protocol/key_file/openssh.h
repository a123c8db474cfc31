#pragma once

#include "protocol/key_file/armour.h"
#include "protocol/key_file/key_file.h"

/// "openssh-key-v1" (OpenSSH's PROTOCOL.key): the contracts are those of key_file.h, but for the check of the halves.
namespace fob::openssh {

inline constexpr std::string_view label = "OPENSSH PRIVATE KEY";

KeyFileInfo inspect(const Block& block);
KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase);
Bytes format(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase);
Bytes rewrite(const Block& before, const KeyFile& content, const SecretBytes& passphrase, KeyFileChange change);

}  // namespace fob::openssh
