#pragma once

#include <ostream>
#include <string>

#include "cli/services.h"
#include "protocol/secret_bytes.h"

namespace fob::cli {

/// What a service gets of a new key.

/// The file of a private key that a service wants: where, and encrypted with what.
struct PrivateFile {
  std::string path;  ///< "-": standard output
  SecretBytes passphrase;
};

/// Where the service's entry says that its file goes.
std::string usual_file(const Service& service, const std::string& key_name);

/// Where it goes: `wanted`, or else where the service's entry says; the folder ~/.ssh is made where there is none. The
/// passphrase that the service wants or allows is asked for. Throws refused where files are there already, or where a
/// passphrase is wanted and none typed; system.
PrivateFile prepare_private_file(const Service& service, const std::string& wanted, const std::string& key_name,
                                 bool no_passphrase);

/// Has the agent give the key out, and writes it; the public key goes to the file with .pub. Standard output gets the
/// private key alone.
void write_private_file(const Service& service, const PrivateFile& file, const std::string& key_name);

/// What to type to have the key's private key in a file as the service wants it.
std::string export_command(const Service& service, const std::string& key_name, const std::string& path,
                           bool no_passphrase);

/// For people: what to give to the service, where, and how to see that it works. `file`: nullptr where the service
/// wants no file.
void print_next_steps(std::ostream& out, const Service& service, const control::Key& key, const PrivateFile* file);

}  // namespace fob::cli
