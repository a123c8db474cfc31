#include "cli/attestation.h"

#include "cli/file.h"
#include "protocol/error.h"
#include "protocol/wire.h"

namespace fob::cli {
namespace {

constexpr unsigned attestation_mode = 0644;

}  // namespace

void write_attestation(const std::string& path, const control::Kept& kept) {
  if (kept.attestation_signature.empty()) {
    throw Error(Errc::unsupported, "the token attests nothing, so " + path + " is not written");
  }
  Writer out;
  out.string("ssh-sk-attest-v01");
  out.string(kept.attestation_certificate).string(kept.attestation_signature).string(kept.authenticator_data);
  out.u32(0).string(std::string_view());  // reserved flags and string
  create_file(path, out.bytes(), attestation_mode);
}

}  // namespace fob::cli
