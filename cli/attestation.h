#pragma once

#include <string>

#include "protocol/control_reply.h"

namespace fob::cli {

/// Writes what the token said of the new key, as ssh-keygen -O write-attestation does ("ssh-sk-attest-v01",
/// PROTOCOL.u2f). Throws unsupported where the token attested nothing; and what create_file throws.
void write_attestation(const std::string& path, const control::Kept& kept);

}  // namespace fob::cli
